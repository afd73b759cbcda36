import ApusBase
package import ApusModel
package import ApusProtocol

extension AdminClient {
  /// 200: makes a consumer group at a broker, or changes it.
  package func updateGroup(_ group: SubscriptionGroupConfig, at broker: String) async throws(AdminError) {
    try await ask(UpdateAndCreateSubscriptionGroup.Request(config: group), at: broker)
  }

  /// 201: the consumer groups that a broker knows.
  package func groups(at broker: String) async throws(AdminError) -> SubscriptionGroupTable {
    try await ask(GetAllSubscriptionGroupConfig.Request(), at: broker, for: SubscriptionGroupTable.self)
  }

  /// 207: removes a consumer group from a broker, and its offsets when asked to.
  package func deleteGroup(
    _ group: String, removingOffsets: Bool, at broker: String
  ) async throws(AdminError) {
    try await ask(DeleteSubscriptionGroup.Request(groupName: group, removesOffsets: removingOffsets), at: broker)
  }

  /// 203: the members of a consumer group that are connected to a broker; throws when there are none, also where a
  /// broker answers so.
  package func consumers(of group: String, at broker: String) async throws(AdminError) -> ConsumerConnection {
    let found = try await ask(
      GetConsumerConnectionList.Request(consumerGroup: group), at: broker, for: ConsumerConnection.self)
    guard !found.connections.isEmpty else {
      throw AdminError("no member of the consumer group '\(group)' is connected to \(broker)", code: .consumerNotOnline)
    }
    return found
  }

  /// 204: the members of a producer group that are connected to a broker; throws when there are none.
  package func producers(of group: String, at broker: String) async throws(AdminError) -> ProducerConnection {
    let found = try await ask(
      GetProducerConnectionList.Request(producerGroup: group), at: broker, for: ProducerConnection.self)
    guard !found.connections.isEmpty else {
      throw AdminError("no member of the producer group '\(group)' is connected to \(broker)")
    }
    return found
  }

  /// 328: all producers that are connected to a broker.
  package func producers(at broker: String) async throws(AdminError) -> ProducerTable {
    try await ask(GetAllProducerInfo.Request(), at: broker, for: ProducerTable.self)
  }

  /// 208: how far a group has come at a broker, with one topic or all.
  package func progress(
    of group: String, topic: String?, at broker: String
  ) async throws(AdminError) -> ConsumeStats {
    try await ask(
      GetConsumeStats.Request(consumerGroup: group, topic: topic), at: broker, timeout: .seconds(15),
      for: ConsumeStats.self)
  }

  /// 317: how far all groups of a broker have come.
  package func progressOfAll(
    at broker: String, orderedOnly: Bool, timeout: Duration
  ) async throws(AdminError) -> ConsumeStatsList {
    try await ask(
      GetBrokerConsumeStats.Request(isOrder: orderedOnly), at: broker, timeout: timeout, for: ConsumeStatsList.self)
  }
}

extension AdminClient {
  /// The brokers that a consumer group uses: those that its retry topic lies on.
  func brokers(ofGroup group: String) async throws(AdminError) -> [BrokerData] {
    do throws(AdminError) {
      return try await route(of: SystemTopics.retryTopic(of: group)).brokers
    } catch {
      guard error.code == .topicNotExist else { throw error }
      return try await brokers(knowingGroup: group)
    }
  }

  /// The brokers that have settings of a consumer group, by name: a group that was made by request has no retry topic
  /// before its first member comes. One that does not answer may know it and is among them, so that whoever asks them
  /// names it; throws when none knows the group.
  private func brokers(knowingGroup group: String) async throws(AdminError) -> [BrokerData] {
    var found: [BrokerData] = []
    var isKnown = false
    var failure: AdminError?
    for broker in try await clusterInfo().brokers.values.sorted(by: { $0.brokerName < $1.brokerName }) {
      guard let address = broker.preferredAddress else { continue }
      do throws(AdminError) {
        guard try await groups(at: address).groups.contains(where: { $0.name == group }) else { continue }
        isKnown = true
      } catch {
        failure = error
      }
      found.append(broker)
    }
    guard !isKnown else { return found }
    throw failure ?? AdminError("no broker knows the consumer group '\(group)'", code: .topicNotExist)
  }

  /// The members of a consumer group, as one broker that it uses, or a given one, knows them.
  func consumers(of group: String, broker: String? = nil) async throws(AdminError) -> ConsumerConnection {
    if let broker { return try await consumers(of: group, at: broker) }
    let brokers = try await brokers(ofGroup: group)
    let answer = try await firstAnswer(of: brokers) { address throws(AdminError) in
      try await consumers(of: group, at: address)
    }
    guard let members = answer else { throw AdminError("the consumer group '\(group)' has no broker") }
    return members
  }
}

extension AdminSession {
  /// How far a group has come at the brokers that it uses, with one topic or all. Brokers that fail are named on
  /// standard error, and in `failure`, which whoever shows the offsets of the others throws afterwards. Throws when no
  /// broker has offsets of the group.
  func progress(
    of group: String, topic: String? = nil
  ) async throws(AdminError) -> (stats: ConsumeStats, failure: AdminError?) {
    let brokers = try await client.brokers(ofGroup: group).compactMap(\.preferredAddress)
    let (parts, failure) = await gather(from: brokers) { address throws(AdminError) in
      try await client.progress(of: group, topic: topic, at: address)
    }
    let stats = ConsumeStats(parts)
    guard stats.entries.isEmpty else { return (stats, failure) }
    throw failure
      ?? AdminError(
        "the consumer group '\(group)' has no offsets" + (topic.map { " of the topic '\($0)'" } ?? "")
          + ": it may have consumed nothing so far", code: .consumerNotOnline)
  }
}

extension ConsumeStats {
  /// What several brokers know of a group, taken together, by queue.
  init(_ parts: [ConsumeStats]) {
    self.init(
      parts.flatMap(\.entries).sorted { $0.queue < $1.queue },
      consumeRate: parts.reduce(0) { $0 + $1.consumeRate })
  }

  /// How many messages lie before the group in all queues.
  var lag: Int64 { entries.reduce(0) { $0.clampedAdding($1.lag) } }
}

extension ConsumeStats.Entry {
  /// How many messages of the queue lie before the group.
  var lag: Int64 { brokerOffset.rawValue.clampedSubtracting(consumerOffset.rawValue) }
}
