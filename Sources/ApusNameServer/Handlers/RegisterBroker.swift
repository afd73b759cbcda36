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
  private static let filterServerLimit = 100

  /// 103 REGISTER_BROKER: a broker says who it is and which topics it has.
  ///
  /// Fields: `brokerName`, `brokerAddr`, `clusterName`, `haServerAddr`, `brokerId`, `compressed`, `bodyCrc32` (0 or
  /// absent: not checked). Body: ``ApusProtocol/RegisterBrokerBody``, or for brokers older than version 37
  /// ``ApusProtocol/TopicTable``. Answers `haServerAddr` and `masterAddr` to a replica, and the order configurations
  /// as a KVTable to anyone.
  func registerBroker(_ request: borrowing Request, _ context: Context) throws(Refusal) -> Reply {
    let broker = try identity(request)
    let haServerAddress = request.text(optional: "haServerAddr")
    guard haServerAddress?.utf8.count ?? 0 <= Self.nameLimit else {
      throw Refusal(.systemError, "haServerAddr is longer than \(Self.nameLimit) bytes")
    }
    let announced = try request.int32(optional: "bodyCrc32") ?? 0
    guard announced == 0 || announced == CRC32.body(request.body) else {
      throw Refusal(.systemError, "crc32 not match")
    }
    let topics: TopicTable
    let filterServers: [String]?
    do throws(DecodeError) {
      (topics, filterServers) = try registration(request)
    } catch {
      throw Refusal(.systemError, "Failed to decode RegisterBrokerBody: \(error)")
    }
    let registration = BrokerRegistration(
      broker: broker, haServerAddress: haServerAddress, topics: topics.topics, dataVersion: topics.version,
      filterServers: filterServers)
    let outcome = routes.withLock { $0.register(registration, over: context.link, now: context.now) }
    guard case .registered(let masterAddress, let masterHA) = outcome else {
      log.warning(
        "namesrv", "broker refused, the route table is full", ["address": broker.address, "name": broker.brokerName])
      throw Refusal(.systemError, "the route table is full: too many brokers or topics are registered")
    }
    log.debug(
      "namesrv", "broker registered",
      ["address": broker.address, "name": broker.brokerName, "topics": topics.topics.count])
    var reply = Reply(body: kv.withLock { $0.body(of: KVConfig.orderTopics) }?.bytes() ?? [])
    if let masterHA { reply.fields.append(ReplyField("haServerAddr", masterHA)) }
    if let masterAddress { reply.fields.append(ReplyField("masterAddr", masterAddress)) }
    return reply
  }

  /// Reads the body: JSON, compressed, or of a broker too old to send more than its topics.
  private func registration(_ request: borrowing Request) throws(DecodeError) -> (TopicTable, [String]?) {
    // Java's broker without topics sends no body.
    guard request.body.byteCount > 0 else {
      return (TopicTable(version: DataVersion(timestamp: WallTime(milliseconds: 0)), topics: []), nil)
    }
    guard request.header.version >= RegisterBrokerBody.firstVersion else {
      let topics = try TopicTable(bytes: request.body)
      try check(topics, [])
      return (topics, nil)
    }
    let body: RegisterBrokerBody
    if request.bool("compressed") {
      let inflated = try Zlib.inflate(request.body, limit: Self.inflatedLimit)
      body = try RegisterBrokerBody(inflated: inflated.rawSpan)
    } else {
      body = try RegisterBrokerBody(bytes: request.body)
    }
    try check(body.topics, body.filterServers)
    return (body.topics, body.filterServers)
  }

  private func check(_ topics: TopicTable, _ filterServers: [String]) throws(DecodeError) {
    if let topic = topics.topics.first(where: { $0.name.isEmpty || $0.name.utf8.count > Self.nameLimit }) {
      throw DecodeError(field: "topicName", offset: 0, reason: "\(topic.name.utf8.count) bytes long")
    }
    guard filterServers.count <= Self.filterServerLimit, filterServers.allSatisfy({ $0.utf8.count <= Self.nameLimit })
    else { throw DecodeError(field: "filterServerList", offset: 0, reason: "too many or too long") }
  }

  /// The broker that a request speaks of. Names are bounded, since they stay in memory.
  func identity(_ request: borrowing Request) throws(Refusal) -> BrokerIdentity {
    BrokerIdentity(
      cluster: try name(request, "clusterName"), brokerName: try name(request, "brokerName"),
      brokerID: try request.int64("brokerId"), address: try name(request, "brokerAddr"))
  }

  private func name(_ request: borrowing Request, _ field: StaticString) throws(Refusal) -> String {
    let value = try request.required(field)
    guard value.byteCount > 0, value.byteCount <= Self.nameLimit else {
      throw Refusal(.systemError, "\(field) is empty or longer than \(Self.nameLimit) bytes")
    }
    return value.text
  }
}
