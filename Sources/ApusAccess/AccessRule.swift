import ApusBase
package import ApusProtocol

/// What an account needs to send a request of one code.
package enum AccessRule: Hashable, Sendable {
  /// A valid signature.
  case signed
  /// To administer.
  case admin
  /// The permissions for topics and groups that header fields name. A field that is absent asks for nothing: the
  /// handler refuses the request, or does without.
  case resources([AccessNeed])
  /// SUB for the groups and topics of a heartbeat's consumers.
  case heartbeat
  /// SUB for the group and the topics of the queues to be locked or unlocked.
  case queueLocks
  /// SUB for the group and topic that a consumer wants to be checked.
  case clientCheck
  /// A permission for the topic of the stored message that the request points at, besides the needs. Its handler asks
  /// for it, when it has read the message: ``AccessGrant/requires(_:topic:)``.
  case storedMessage(AccessPermission, [AccessNeed])
}

/// A permission for what one header field names.
package struct AccessNeed: Hashable, Sendable {
  /// What the field names.
  package enum Resource: Hashable, Sendable {
    /// A topic.
    case topic
    /// A consumer group.
    case group
  }

  /// The field.
  package let field: String
  /// The same, for looking it up.
  let name: StaticString
  /// What it names.
  package let resource: Resource
  /// What is needed.
  package let permission: AccessPermission

  static func topic(_ name: StaticString, _ permission: AccessPermission) -> AccessNeed {
    AccessNeed(field: "\(name)", name: name, resource: .topic, permission: permission)
  }

  static func group(_ name: StaticString) -> AccessNeed {
    AccessNeed(field: "\(name)", name: name, resource: .group, permission: .subscribe)
  }

  /// Whether two needs are the same.
  package static func == (first: AccessNeed, second: AccessNeed) -> Bool {
    first.field == second.field && first.resource == second.resource && first.permission == second.permission
  }

  /// Hashes what ``==(_:_:)`` compares.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(field)
    hasher.combine(resource)
    hasher.combine(permission)
  }
}

extension AccessRule {
  /// The rule of a code. Codes that are not in the table administer: what is forgotten here is closed.
  @inline(__always)
  static func rule(of code: RequestCode) -> AccessRule {
    let number = Int(code.rawValue)
    guard number >= 0, number < byNumber.count else { return .admin }
    return byNumber[number]
  }

  /// The rule of each code that the table lists.
  ///
  /// Java's own list is short (10, 310, 11, 12, 15, 34, 35, 36, 38 and five that administer): it lets any valid
  /// signature do everything else, batches and locks included. Here all codes are listed.
  package static let table: [RequestCode: AccessRule] = [
    // Sending.
    .sendMessage: .resources([.topic("topic", .publish)]),
    .sendMessageV2: .resources([.topic("b", .publish)]),
    .sendBatchMessage: .resources([.topic("b", .publish)]),
    .sendReplyMessage: .resources([.topic("topic", .publish)]),
    .sendReplyMessageV2: .resources([.topic("b", .publish)]),
    .endTransaction: .storedMessage(.publish, []),

    // Consuming.
    .pullMessage: .resources([.topic("topic", .subscribe), .group("consumerGroup")]),
    .consumerSendMessageBack: .storedMessage(.subscribe, [.group("group")]),
    .queryConsumerOffset: .resources([.topic("topic", .subscribe), .group("consumerGroup")]),
    .updateConsumerOffset: .resources([.topic("topic", .subscribe), .group("consumerGroup")]),
    .heartbeat: .heartbeat,
    .unregisterClient: .resources([.group("consumerGroup")]),
    .checkClientConfig: .clientCheck,
    .getConsumerListByGroup: .resources([.group("consumerGroup")]),
    .lockBatchMessageQueue: .queueLocks,
    .unlockBatchMessageQueue: .queueLocks,

    // Asking about topics, groups and messages.
    .queryMessage: .resources([.topic("topic", .subscribe)]),
    .viewMessageByID: .storedMessage(.subscribe, []),
    .searchOffsetByTimestamp: .resources([.topic("topic", .any)]),
    .getMaxOffset: .resources([.topic("topic", .any)]),
    .getMinOffset: .resources([.topic("topic", .any)]),
    .getEarliestMessageStoreTime: .resources([.topic("topic", .any)]),
    .getTopicStatsInfo: .resources([.topic("topic", .any)]),
    .queryTopicConsumeByWho: .resources([.topic("topic", .any)]),
    .getConsumerConnectionList: .resources([.group("consumerGroup")]),
    .getConsumeStats: .resources([.group("consumerGroup"), .topic("topic", .subscribe)]),
    .queryConsumeTimeSpan: .resources([.topic("topic", .subscribe), .group("group")]),
    .queryConsumeQueue: .resources([.topic("topic", .subscribe), .group("consumerGroup")]),
    .invokeBrokerToGetConsumerStatus: .resources([.topic("topic", .subscribe), .group("group")]),
    .getConsumerRunningInfo: .resources([.group("consumerGroup")]),
    .getBrokerRuntimeInfo: .signed,
    .getSystemTopicListFromBroker: .signed,

    // Administering: changes, what lies outside of topics and groups, and lists of everything.
    .updateAndCreateTopic: .admin, .deleteTopicInBroker: .admin, .updateBrokerConfig: .admin, .getBrokerConfig: .admin,
    .updateAndCreateSubscriptionGroup: .admin, .deleteSubscriptionGroup: .admin, .updateAndCreateACLConfig: .admin,
    .deleteACLConfig: .admin, .getBrokerClusterACLInfo: .admin, .updateGlobalWhiteAddrsConfig: .admin,
    .getBrokerClusterACLConfig: .admin, .invokeBrokerToResetOffset: .admin, .cloneGroupOffset: .admin,
    .cleanExpiredConsumeQueue: .admin, .cleanUnusedTopic: .admin, .deleteExpiredCommitLog: .admin,
    .resumeCheckHalfMessage: .admin, .consumeMessageDirectly: .admin, .getAllTopicConfig: .admin,
    .getAllConsumerOffset: .admin, .getAllDelayOffset: .admin, .getAllSubscriptionGroupConfig: .admin,
    .getProducerConnectionList: .admin, .getAllProducerInfo: .admin, .queryCorrectionOffset: .admin,
    .viewBrokerStatsData: .admin, .getBrokerConsumeStats: .admin,

    // Declared by Java and answered with code 3, once the signature is found to be good.
    .queryBrokerOffset: .signed, .getTopicConfigList: .signed, .getTopicNameList: .signed,
    .triggerDeleteFiles: .signed, .suspendConsumer: .signed, .resumeConsumer: .signed,
    .resetConsumerOffsetInConsumer: .signed, .resetConsumerOffsetInBroker: .signed,
    .adjustConsumerThreadPool: .signed, .whoConsumeTheMessage: .signed, .registerFilterServer: .signed,
    .registerMessageFilterClass: .signed,
  ]

  /// The table by number, for the path of every request.
  private static let byNumber: [AccessRule] = {
    let last = table.keys.map(\.rawValue).max() ?? 0
    return (0...last).map { table[RequestCode($0)] ?? .admin }
  }()
}
