import ApusBase
import ApusModel
import ApusProtocol
import ApusRouteCore
import ApusSystem

extension NameServerRequests {
  /// The most that a compressed body may inflate to, in bytes.
  private static let inflatedLimit = 64 << 20
  /// The longest name or address of a broker, and the longest topic, that is taken, in bytes. With the limits of the
  /// route table it bounds what stays in memory.
  private static let nameLimit = 1024
  /// The most filter servers of one broker that are taken.
  private static let filterServerLimit = 16

  /// 103 REGISTER_BROKER: a broker says who it is and which topics it has.
  ///
  /// Fields: `brokerName`, `brokerAddr`, `clusterName`, `haServerAddr`, `brokerId`, `compressed`, `bodyCrc32` (0 or
  /// absent: not checked). Body: ``ApusProtocol/RegisterBrokerBody``, or for brokers older than version 37
  /// ``ApusProtocol/TopicTable``. Answers `haServerAddr` and `masterAddr` to a replica, and the order configurations
  /// as a KVTable to anyone.
  func registerBroker(_ request: borrowing Request, _ context: Context) throws(Refusal) -> Reply {
    let message = try RegisterBroker.Request(request)
    try check(message)
    let content: RegisterBrokerBody
    do throws(DecodeError) {
      content = try body(of: message, version: request.header.version)
      try check(content)
    } catch {
      throw Refusal(.systemError, "Failed to decode RegisterBrokerBody: \(error)")
    }
    let broker = BrokerIdentity(
      cluster: message.clusterName, brokerName: message.brokerName, brokerID: message.brokerID,
      address: message.brokerAddress)
    let registration = BrokerRegistration(
      broker: broker, haServerAddress: message.haServerAddress, topics: content.topics.topics,
      dataVersion: content.topics.version, filterServers: content.filterServers)
    let (outcome, isNew) = routes.withLock { routes in
      let isNew = !routes.knows(brokerAt: broker.address)
      return (routes.register(registration, over: context.link, now: context.now), isNew)
    }
    guard case .registered(let masterAddress, let masterHA) = outcome else {
      log.warning(
        "namesrv", "broker refused, the route table is full", ["address": broker.address, "name": broker.brokerName])
      throw Refusal(.systemError, "the route table is full: too many brokers or topics are registered")
    }
    let topicCount = content.topics.topics.count
    if isNew {
      log.info(
        "namesrv", "broker registered",
        ["address": broker.address, "name": broker.brokerName, "cluster": broker.cluster, "topics": topicCount])
    } else {
      log.debug(
        "namesrv", "broker registered anew",
        ["address": broker.address, "name": broker.brokerName, "topics": topicCount])
    }
    var reply = Reply(body: kv.withLock { $0.body(of: KVConfig.orderTopics) }?.bytes() ?? [])
    if let masterHA { reply.fields.append(ReplyField("haServerAddr", masterHA)) }
    if let masterAddress { reply.fields.append(ReplyField("masterAddr", masterAddress)) }
    return reply
  }

  private func body(of message: RegisterBroker.Request, version: Int32) throws(DecodeError) -> RegisterBrokerBody {
    guard message.isCompressed, !message.body.isEmpty, version >= RegisterBrokerBody.firstVersion else {
      var plain = message
      plain.isCompressed = false
      return try plain.content(version: version)
    }
    let inflated = try Zlib.inflate(message.body.rawSpan, limit: Self.inflatedLimit)
    return try RegisterBrokerBody(inflated: inflated.rawSpan)
  }

  // MARK: Bounds of what stays in memory

  private func check(_ message: RegisterBroker.Request) throws(Refusal) {
    let names = [
      ("brokerName", message.brokerName), ("brokerAddr", message.brokerAddress), ("clusterName", message.clusterName),
    ]
    for (field, name) in names where name.isEmpty {
      throw Refusal(.systemError, "the field \(field) is empty")
    }
    for (field, name) in names + [("haServerAddr", message.haServerAddress)] where name.utf8.count > Self.nameLimit {
      throw Refusal(.systemError, "the field \(field) is longer than \(Self.nameLimit) bytes")
    }
  }

  private func check(_ body: RegisterBrokerBody) throws(DecodeError) {
    if let topic = body.topics.topics.first(where: { $0.name.isEmpty || $0.name.utf8.count > Self.nameLimit }) {
      throw DecodeError(field: "topicName", offset: 0, reason: "\(topic.name.utf8.count) bytes long")
    }
    guard body.filterServers.count <= Self.filterServerLimit,
      body.filterServers.allSatisfy({ $0.utf8.count <= Self.nameLimit })
    else { throw DecodeError(field: "filterServerList", offset: 0, reason: "too many or too long") }
  }
}
