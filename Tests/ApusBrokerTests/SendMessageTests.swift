import ApusBase
import ApusBrokerCore
import ApusModel
import ApusProtocol
import ApusRemoting
import ApusSystem
import Testing

@testable import ApusBroker

/// Sends of all three codes against a broker behind a port.
@Suite(.timeLimit(.minutes(10))) struct SendMessageTests {
  private static let topic = "SendTopic"

  private func end(_ client: RawClient, _ queue: Int32 = 0, of topic: String = Self.topic) throws -> String? {
    try client.ask(.getMaxOffset, Fields.queue(topic, queue))["offset"]
  }

  /// The items of a batch; each with these properties.
  private static func batch(_ count: Int, properties: String = "TAGS\u{1}t") -> [UInt8] {
    var output = ByteWriter()
    for number in 0..<count {
      let body = Array("m\(number)".utf8)
      output.write(Int32(22 + body.count + properties.utf8.count))
      output.write(Int32(0))
      output.write(Int32(0))
      output.write(Int32(100 + number))
      output.write(Int32(body.count))
      output.write(body.rawSpan)
      output.write(Int16(properties.utf8.count))
      output.write(Array(properties.utf8).rawSpan)
    }
    return output.array
  }

  // MARK: What is stored and answered

  @Test(arguments: [RequestCode.sendMessage, .sendMessageV2], [HeaderType.json, .binary])
  func `answers where the message is`(code: RequestCode, type: HeaderType) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for number in 0..<3 {
      let fields = Fields.send(to: Self.topic, queue: 2, properties: "TAGS\u{1}t")
      let answer = try client.ask(
        code, code == .sendMessage ? Fields.long(fields) : fields, body: Array("m\(number)".utf8), type: type)
      #expect(answer.responseCode == .success)
      #expect(answer.remark == nil)
      #expect(answer["queueId"] == "2")
      #expect(answer["queueOffset"] == "\(number)")
      #expect(answer["MSG_REGION"] == "DefaultRegion")
      #expect(answer["TRACE_ON"] == "true")
      let stored = try client.ask(.viewMessageByID, [ReplyField("offset", try answer.recordOffset)], type: type)
      let record = try StoredRecord(stored.body.rawSpan)
      #expect(record.id.description == answer["msgId"])
      #expect(record.body.text == "m\(number)")
    }
  }

  @Test(arguments: ["TAGS\u{1}a", "DELAY\u{1}1", "TRAN_MSG\u{1}true"])
  func `marks what is sent to a topic of several tags a message`(properties: String) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for (topic, filter) in [("One", "SINGLE_TAG"), ("Several", "MULTI_TAG")] {
      let made = [("topic", topic), ("readQueueNums", "1"), ("writeQueueNums", "1"), ("perm", "6")]
      let fields = (made + [("topicFilterType", filter)]).map { ReplyField($0.0, $0.1) }
      #expect(try client.ask(.updateAndCreateTopic, fields).responseCode == .success)
      let answer = try client.ask(
        .sendMessageV2, Fields.send(to: topic, queue: 0, properties: properties), body: [1])
      #expect(answer.responseCode == .success)
      let bytes = try client.ask(.viewMessageByID, [ReplyField("offset", try answer.recordOffset)]).body
      let record = try StoredRecord(bytes.rawSpan)
      let expected: SysFlag = filter == "MULTI_TAG" ? .multiTags : []
      #expect(record.sysFlag == expected)
    }
  }

  @Test func `stores a record as a Java broker does`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let own = try Socket.localAddress(client.descriptor)
    let before = SystemClock.wall()
    let answer = try client.ask(
      .sendMessageV2,
      Fields.send(to: Self.topic, queue: 3, properties: "KEYS\u{1}k1 k2\u{2}WAIT\u{1}true\u{2}TAGS\u{1}a\u{2}n\u{1}5"),
      body: Array("hello".utf8))
    let bytes = try client.ask(.viewMessageByID, [ReplyField("offset", try answer.recordOffset)]).body
    let record = try StoredRecord(bytes.rawSpan)
    #expect(record.topic.text == Self.topic)
    #expect(record.queueID == 3)
    #expect(record.flag == 7)
    #expect(record.sysFlag.rawValue == 0)
    #expect(record.bornTime.milliseconds == 1_795_219_489_633)
    #expect(record.storeTime >= before)
    #expect(record.bornHost == HostAddress(ipv4: 0x7F00_0001, port: Int32(own.port)))
    #expect(record.storeHost.description.hasPrefix("127.0.0.1:"))
    #expect(record.reconsumeTimes == 0)
    #expect(record.preparedTransactionOffset == 0)
    let isIntact = record.bodyMatchesCRC
    #expect(isIntact)
    #expect(record.bodyCRC == CRC32.body(Array("hello".utf8).rawSpan))
    #expect(record.properties.dictionary == ["KEYS": "k1 k2", "TAGS": "a", "n": "5", "CLUSTER": "FxCluster"])
  }

  @Test func `a oneway send is stored and not answered`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    client.send(.sendMessageV2, Fields.send(to: Self.topic), body: [1], oneway: true)
    client.send(.sendMessageV2, Fields.send(to: Self.topic, queue: 99), body: [1], oneway: true)
    let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [2])
    #expect(answer["queueOffset"] == "1")
  }

  @Test func `the second port takes sends and no pulls`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.secondPort)
    #expect(try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [1]).responseCode == .success)
    #expect(try end(client) == "1")
    let refused = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(refused.responseCode == .requestCodeNotSupported)
    let pulled = try RawClient(port: served.port).ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(pulled.responseCode == .success)
  }

  // MARK: Batches

  @Test(arguments: [RequestCode.sendBatchMessage, .sendMessageV2, .sendMessage], [HeaderType.json, .binary])
  func `a batch gets consecutive offsets and an id each`(code: RequestCode, type: HeaderType) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    _ = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: 1), body: [1])
    let flag = code == .sendBatchMessage ? nil : "true"
    let fields = Fields.send(to: Self.topic, queue: 1, properties: "WAIT\u{1}true", batch: flag)
    let answer = try client.ask(
      code, code == .sendMessage ? Fields.long(fields) : fields, body: Self.batch(32),
      type: type)
    #expect(answer.responseCode == .success)
    #expect(answer["queueOffset"] == "1")
    let ids = (answer["msgId"] ?? "").split(separator: ",")
    try #require(ids.count == 32)
    var last: Int64 = 0
    for (number, id) in ids.enumerated() {
      let offset = try MessageID(String(id)).offset.rawValue
      #expect(offset > last)
      last = offset
      let record = try StoredRecord(
        try client.ask(.viewMessageByID, [ReplyField("offset", offset)]).body.rawSpan)
      #expect(record.body.text == "m\(number)")
      #expect(record.queueOffset.rawValue == Int64(number + 1))
      #expect(record.flag == Int32(100 + number))
      let isIntact = record.bodyMatchesCRC
      #expect(isIntact)
      #expect(record.properties.dictionary == ["TAGS": "t", "WAIT": "true", "CLUSTER": "FxCluster"])
    }
    #expect(try end(client, 1) == "33")
  }

  @Test(arguments: ["false", "1", "yes", ""]) func `only the word true makes a batch`(flag: String) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let body = Self.batch(3)
    let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, batch: flag), body: body)
    #expect(answer.responseCode == .success)
    #expect(answer["msgId"]?.count == 32)
    #expect(try end(client) == "1")
    let stored = try client.ask(.viewMessageByID, [ReplyField("offset", try answer.recordOffset)])
    #expect(try StoredRecord(stored.body.rawSpan).body.array == body)
  }

  @Test(arguments: [0x301, 0x101, 0x201, 1]) func `what says how bodies are compressed is stored as it came`(
    sysFlag: Int
  ) throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let single = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, sysFlag: sysFlag), body: [1, 2, 3])
    let batch = try client.ask(.sendBatchMessage, Fields.send(to: Self.topic, sysFlag: sysFlag), body: Self.batch(2))
    #expect(single.responseCode == .success)
    #expect(batch.responseCode == .success)
    let pulled = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    var rest = pulled.body[...]
    var flags: [Int32] = []
    while !rest.isEmpty {
      let bytes = Array(rest)
      let record = try StoredRecord(bytes.rawSpan)
      flags.append(record.sysFlag.rawValue)
      rest = rest.dropFirst(record.size)
    }
    #expect(flags == Array(repeating: Int32(sysFlag), count: 3))
  }

  @Test func `code 320 is a batch whatever its field says, and a malformed one stores nothing`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let fields = Fields.send(to: Self.topic, batch: "false")
    let whole = Self.batch(3)
    #expect(try client.ask(.sendBatchMessage, fields, body: whole)["queueOffset"] == "0")
    var negative = whole
    negative.replaceSubrange(16..<20, with: [0xFF, 0xFF, 0xFF, 0xFF])
    var long = whole
    long.replaceSubrange(16..<20, with: [0x7F, 0xFF, 0xFF, 0xFF])
    var negativeProperties = whole
    negativeProperties.replaceSubrange(22..<24, with: [0x80, 0])
    let malformed = [
      Array(whole.dropLast()), whole + [0], Array(whole.prefix(11)), negative, long, negativeProperties,
      Array("plain".utf8),
    ]
    for body in malformed {
      let answer = try client.ask(.sendBatchMessage, fields, body: body)
      #expect(answer.responseCode == .messageIllegal)
      #expect(answer.remark?.hasPrefix("malformed batch: ") == true)
    }
    #expect(try end(client) == "3")
    let retry = try client.ask(.sendBatchMessage, Fields.send(to: "%RETRY%cg"), body: whole)
    #expect(retry.responseCode == .messageIllegal)
  }

  // MARK: Limits

  @Test func `limits are named`() throws {
    let served = try ServedBroker([("maxMessageSize", "1000")])
    let client = try RawClient(port: served.port)
    let fields = Fields.send(to: Self.topic)
    #expect(
      try client.ask(.sendMessageV2, fields, body: [UInt8](repeating: 1, count: 1000)).responseCode == .success)
    for code in [RequestCode.sendMessageV2, .sendBatchMessage] {
      let large = try client.ask(code, fields, body: [UInt8](repeating: 1, count: 1001))
      #expect(large.responseCode == .messageIllegal)
      #expect(large.remark?.contains("1001 bytes, maxMessageSize allows 1000") == true)
      let long = try client.ask(
        code, Fields.send(to: Self.topic, properties: "n\u{1}" + String(repeating: "v", count: 32_767)), body: [1])
      #expect(long.responseCode == .messageIllegal)
      #expect(long.remark?.contains("properties") == true)
    }
    let name = try client.ask(.sendMessageV2, Fields.send(to: String(repeating: "t", count: 128)), body: [1])
    #expect(name.responseCode == .systemError)
    #expect(name.remark == "The specified topic is longer than topic max length.")
    for (wrong, remark) in [("a b", "illegal characters"), ("", "blank"), ("a/../b", "illegal"), ("ü", "illegal")] {
      let answer = try client.ask(.sendMessageV2, Fields.send(to: wrong), body: [1])
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark?.contains(remark) == true, "\(wrong)")
    }
    #expect(try end(client) == "1")
  }

  @Test func `a queue that the topic does not have is refused, and none at all is chosen`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    #expect(try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [1]).responseCode == .success)
    for queue: Int32 in [4, 99, .max] {
      let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: queue), body: [1])
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark?.hasPrefix("request queueId[\(queue)] is illegal") == true)
      #expect(answer["MSG_REGION"] == "DefaultRegion")
    }
    var chosen: Set<String> = []
    for _ in 0..<200 where chosen.count < 4 {
      let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: -1), body: [1])
      chosen.insert(answer["queueId"] ?? "none")
    }
    #expect(chosen == ["0", "1", "2", "3"])
    #expect(
      try client.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: .min), body: [1]).responseCode == .success)
  }

  @Test func `a topic without queues takes nothing, also where the broker is to choose one`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    let made = try client.ask(
      .updateAndCreateTopic,
      [
        ReplyField("topic", Self.topic), ReplyField("readQueueNums", 0), ReplyField("writeQueueNums", 0),
        ReplyField("perm", 6),
      ])
    #expect(made.responseCode == .success)
    for queue: Int32 in [0, -1] {
      let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: queue), body: [1])
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark?.hasSuffix("topic \(Self.topic) has 0 queues") == true)
    }
  }

  @Test func `unknown topics are not made when that is forbidden, and system topics take nothing`() throws {
    let served = try ServedBroker([("autoCreateTopicEnable", "false")])
    let client = try RawClient(port: served.port)
    let unknown = try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [1])
    #expect(unknown.responseCode == .topicNotExist)
    #expect(unknown.remark?.contains(Self.topic) == true)
    for topic in ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC", "SELF_TEST_TOPIC"] {
      let answer = try client.ask(.sendMessageV2, Fields.send(to: topic), body: [1])
      #expect(answer.responseCode == .noPermission, "\(topic)")
      #expect(answer.remark == "Sending message to topic[\(topic)] is forbidden.")
    }
  }

  @Test func `fields that are missing or no numbers are told`() throws {
    let served = try ServedBroker()
    let client = try RawClient(port: served.port)
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
      let fields = Fields.send(to: Self.topic).filter { $0.name != name }
      let answer = try client.ask(.sendMessageV2, fields, body: [1])
      #expect(answer.responseCode == .systemError)
      #expect(answer.remark == "the field \(name) is missing")
      guard "defgh".contains(name) else { continue }
      for wrong in ["", "x", "99999999999999999999", "-"] {
        let answer = try client.ask(.sendMessageV2, fields + [ReplyField(name, wrong)], body: [1])
        #expect(answer.responseCode == .systemError)
        #expect(answer.remark?.isEmpty == false)
      }
    }
    #expect(try client.ask(.getMaxOffset, Fields.queue(Self.topic))["offset"] != "1")
  }

  @Test(arguments: ["0010-SEND_MESSAGE", "0310-SEND_MESSAGE_V2", "0320-SEND_BATCH_MESSAGE"])
  func `recorded sends are answered with the recorded codes and fields`(file: String) throws {
    // The recording's broker allowed 16 KiB.
    let served = try ServedBroker([("maxMessageSize", "16384")])
    let client = try RawClient(port: served.port)
    for sample in try RecordedFrames.samples(file) {
      client.send(sample.request)
      guard let recorded = sample.response else { continue }
      let answer = try #require(try client.receive(), "\(sample.title)")
      #expect(answer.header.id == recorded.header.id, "\(sample.title)")
      #expect(answer.header.type == recorded.header.type, "\(sample.title)")
      #expect(answer.responseCode == recorded.responseCode, "\(sample.title)")
      #expect(
        Set((answer.fields ?? []).map(\.name)) == Set((recorded.fields ?? []).map(\.name)), "\(sample.title)")
      #expect(answer["queueId"] == recorded["queueId"], "\(sample.title)")
      #expect(answer["msgId"]?.count == recorded["msgId"]?.count, "\(sample.title)")
    }
  }

  // MARK: Synchronous flush

  private static let synchronous = [("flushDiskType", "SYNC_FLUSH")]

  @Test func `a synchronous send is answered only when the device has it`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker(Self.synchronous, disk: disk)
    defer { disk.open() }
    let client = try RawClient(port: served.port)
    disk.shut()
    let waiting = client.send(.sendMessageV2, Fields.send(to: Self.topic), body: [1])
    #expect(disk.waitForFlush())
    let batch = client.send(.sendBatchMessage, Fields.send(to: Self.topic), body: Self.batch(2))
    // Who does not ask for the device does not wait for it, and consumers see what is stored.
    let hasty = try client.ask(
      .sendMessageV2, Fields.send(to: Self.topic, properties: "WAIT\u{1}false"), body: [1])
    #expect(hasty.responseCode == .success)
    #expect(try end(client) == "4")
    disk.open()
    let first = try #require(try client.receive())
    #expect(first.header.id == waiting)
    #expect(first.responseCode == .success)
    let second = try #require(try client.receive())
    #expect(second.header.id == batch)
    #expect(second["msgId"]?.contains(",") == true)
  }

  @Test(arguments: [false, true])
  func `a synchronous send that waits too long is answered with 10 and stays stored`(isChanged: Bool) throws {
    let disk = GatedDisk()
    let served = try ServedBroker(Self.synchronous + (isChanged ? [] : [("syncFlushTimeout", "50")]), disk: disk)
    defer { disk.open() }
    let client = try RawClient(port: served.port)
    if isChanged {
      let change = try client.ask(.updateBrokerConfig, body: Array("syncFlushTimeout=50".utf8))
      #expect(change.responseCode == .success)
    }
    disk.shut()
    let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [1])
    #expect(answer.responseCode == .flushDiskTimeout)
    #expect(answer["queueOffset"] == "0")
    disk.open()
    #expect(try end(client) == "1")
  }

  @Test func `how long a synchronous send waits may be changed by request`() throws {
    let disk = GatedDisk()
    let served = try ServedBroker(Self.synchronous, disk: disk)
    defer { disk.open() }
    let client = try RawClient(port: served.port)
    let change = try client.ask(.updateBrokerConfig, [], body: Array("syncFlushTimeout=50\n".utf8))
    #expect(change.responseCode == .success)
    disk.shut()
    let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [1])
    #expect(answer.responseCode == .flushDiskTimeout)
  }

  @Test(arguments: [nil, "TRAN_MSG\u{1}true\u{2}PGROUP\u{1}pg"] as [String?])
  func `a send, and a half message, does not wait behind too many others`(properties: String?) throws {
    let served = try ServedBroker(Self.synchronous)
    served.endLimit = .zero
    for state in served.broker.service.loops {
      state.loop.executeAndWait {
        for number in 0..<Int32(100_000) {
          let sent = PendingSend(
            header: CommandHeader(code: 310, id: RequestID(number)), connection: ConnectionID(rawValue: 0), queueID: 0,
            queueOffset: .zero, offset: .zero, batchIDs: [])
          state.pending.add(sent, end: PhysicalOffset(1 << 40), deadline: state.loop.now + Patience.limit)
        }
      }
    }
    let client = try RawClient(port: served.port)
    let answer = try client.ask(.sendMessageV2, Fields.send(to: Self.topic, properties: properties), body: [1])
    #expect(answer.responseCode == .systemBusy)
    #expect(answer.remark?.hasPrefix("the device is behind: 100000 sends") == true)
  }

  @Test(arguments: [DiskError.Code.failed(5), .full]) func `a failed flush refuses this and later sends, not pulls`(
    code: DiskError.Code
  ) throws {
    let disk = GatedDisk()
    let served = try ServedBroker(Self.synchronous, disk: disk)
    served.isBroken = true
    let client = try RawClient(port: served.port)
    #expect(try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [1]).responseCode == .success)
    disk.fail(code)
    let lost = try client.ask(.sendMessageV2, Fields.send(to: Self.topic), body: [2])
    #expect(lost.responseCode == .serviceNotAvailable)
    #expect(lost.remark?.contains("flush failed") == true)
    for code in [RequestCode.sendMessageV2, .sendBatchMessage] {
      let refused = try client.ask(code, Fields.send(to: Self.topic), body: Self.batch(1))
      #expect(refused.responseCode == .serviceNotAvailable)
      #expect(refused.remark?.contains("takes no messages") == true)
    }
    let pulled = try client.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(pulled.responseCode == .success)
  }

  // MARK: A full disk

  @Test func `sends that wait for a log file are refused when there is no space for it`() throws {
    let disk = GatedDisk()
    disk.holdAllocations(after: 1)
    let served = try ServedBroker(disk: disk)
    let clients = try (0..<3).map { _ in try RawClient(port: served.port) }
    let body = [UInt8](repeating: 1, count: 100_000)
    // A log file of 1 MiB takes ten of them.
    for _ in 0..<10 {
      #expect(try clients[0].ask(.sendMessageV2, Fields.send(to: Self.topic), body: body).responseCode == .success)
    }
    let waiting = clients[0].send(.sendMessageV2, Fields.send(to: Self.topic), body: body)
    // What the other loops answer now they read after it.
    for client in clients[1...] { #expect(try end(client) == "10") }
    disk.releaseAllocations(failing: .full)
    let refused = try #require(try clients[0].receive())
    #expect(refused.header.id == waiting)
    #expect(refused.responseCode == .serviceNotAvailable)
    #expect(try end(clients[0]) == "10")
  }
}
