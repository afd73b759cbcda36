import ApusBase
import ApusClientCore
import ApusModel
import ApusProtocol
import ApusSystem

/// A consumer's share of its group's queues, as the brokers' lists of members have it.
struct GroupShare: Sendable {
  /// The group, its namespace included.
  let group: String
  let client: MessageClient
  let offsets: GroupOffsets
  /// Whether a message goes to one member; else every member has all queues.
  let isShared: Bool
  let strategy: RebalanceStrategy
  let start: ConsumerConfiguration.Start
  private let missing = MissingRoutes()

  private var runtime: ClientRuntime { client.runtime }

  /// The queues of a topic that belong to this consumer at present.
  func queues(of topic: String) async throws(ClientError) -> [MessageQueue] {
    let route = try await route(topic)
    guard isShared else { return route.readQueues }
    var asked: Set<String> = []
    var failure: ClientError?
    // Every broker knows the members; one that cannot be asked does not keep the others' queues from being shared out.
    for queue in route.readQueues where asked.insert(queue.brokerName).inserted {
      do throws(ClientError) {
        let members = try await members(knownTo: queue)
        return strategy.core.allocate(route.readQueues.sorted(), among: members, to: runtime.clientID)
      } catch {
        if error.code == .cancelled { throw error }
        failure = failure ?? error
      }
    }
    if let failure { throw failure }
    return []
  }

  private func route(_ topic: String) async throws(ClientError) -> TopicRoute {
    do throws(ClientError) {
      let route = try await runtime.routes.route(topic)
      missing.found(topic)
      return route
    } catch {
      missing.missed(topic)
      throw error
    }
  }

  /// Looks for topics that have no route, for a while after the consumer's start. Calls `found` when some have one:
  /// then their queues can be shared out.
  func lookForTopics(_ found: () -> Void) async {
    let runtime = runtime
    await missing.look(in: runtime.routes, wait: { await runtime.wait($0) }, found: found)
  }

  /// The members of the group, sorted, as a broker of a queue knows them. A broker that does not know this one yet is
  /// told first.
  private func members(knownTo queue: MessageQueue) async throws(ClientError) -> [String] {
    let request = GetConsumerListByGroup.Request(consumerGroup: group)
    for isLast in [false, true] {
      let answer = try await runtime.askAny(request, at: try await runtime.anyMember(of: queue))
      if answer.responseCode == .success {
        do throws(DecodeError) {
          let found = try ConsumerIDList(bytes: answer.body.rawSpan).clientIDs
          if found.contains(runtime.clientID) || isLast { return Array(Set(found)).sorted() }
        } catch {
          throw ClientError(.badAnswer, "the list of members cannot be read: \(error)", cause: error)
        }
      } else if isLast {
        throw ClientError(refusal: answer, server: queue.brokerName)
      }
      await client.heartbeat()
    }
    return []
  }

  /// Where to begin with a queue.
  enum Beginning {
    /// At this offset.
    case at(Int64)
    /// The broker refuses to say.
    case refused
    /// The broker does not answer: it need not be asked about its other queues now.
    case silent
  }

  /// Where to begin with a queue: at the group's offset, else where the settings say.
  func beginning(of queue: MessageQueue) async -> Beginning {
    do throws(ClientError) {
      return .at(try await startOffset(of: queue))
    } catch {
      runtime.warn(
        "the offset of a queue is not known", "queue", "\(queue)", broker: queue.brokerName, cause: error)
      return error.responseCode == nil ? .silent : .refused
    }
  }

  private func startOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
    if let stored = try await offsets.stored(queue) { return stored }
    let isRetry = queue.topic.hasPrefix("%RETRY%")
    switch start {
    case .first: return 0
    case .last: return isRetry ? 0 : try await runtime.maxOffset(of: queue)
    case .time(let milliseconds):
      return isRetry
        ? try await runtime.maxOffset(of: queue) : try await runtime.offset(of: queue, at: milliseconds)
    }
  }
}

extension ClientRuntime {
  /// The offset behind a queue's newest message.
  func maxOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
    try await offset(asking: GetMaxOffset.Request(topic: queue.topic, queueID: queue.queueID), of: queue)
  }

  /// The offset of a queue's oldest message.
  func minOffset(of queue: MessageQueue) async throws(ClientError) -> Int64 {
    try await offset(asking: GetMinOffset.Request(topic: queue.topic, queueID: queue.queueID), of: queue)
  }

  /// The offset of a queue's first message that was stored at or after a moment.
  func offset(of queue: MessageQueue, at milliseconds: Int64) async throws(ClientError) -> Int64 {
    let request = SearchOffsetByTimestamp.Request(
      topic: queue.topic, queueID: queue.queueID, timestamp: milliseconds)
    return try await offset(asking: request, of: queue)
  }

  private func offset(
    asking request: some OutgoingRequest, of queue: MessageQueue
  ) async throws(ClientError) -> Int64 {
    let answer = try await ask(request, about: queue)
    guard let offset = answer["offset"].flatMap({ Int64($0) }) else {
      throw ClientError(.badAnswer, "the answer names no offset", server: queue.brokerName)
    }
    return offset
  }
}
