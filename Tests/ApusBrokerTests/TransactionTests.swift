import ApusBase
import ApusModel
import ApusProtocol
import ApusStore
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// Transactions over real connections: half messages, their ends, questions to producers, and restarts between.
@Suite(.timeLimit(.minutes(10))) struct TransactionTests {
  // MARK: Half messages and their ends

  @Test func `a half message is not visible, and stored as Java stores it`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(half.queueOffset == 0)
    #expect(try count(client, "Orders") == 0)
    let bytes = try view(client, half.offset)
    let record = try StoredRecord(bytes.rawSpan)
    #expect(record.topic.text == "RMQ_SYS_TRANS_HALF_TOPIC")
    #expect(record.queueID == 0)
    #expect(record.sysFlag == [])
    #expect(record.flag == 7)
    #expect(record.preparedTransactionOffset == 0)
    let expected = [
      "TRAN_MSG": "true", "PGROUP": "pg", "UNIQ_KEY": "one", "WAIT": "true", "TAGS": "A", "KEYS": "k",
      "REAL_TOPIC": "Orders", "REAL_QID": "1", "CLUSTER": "FxCluster",
    ]
    #expect(record.properties.dictionary == expected)
  }

  @Test func `a commit delivers once, with the half message's place and its properties`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(try end(client, half, 8).responseCode == .success)
    let committed = try records(client, "Orders")
    try #require(committed.count == 1)
    let delivered = committed[0]
    let record = try StoredRecord(delivered.rawSpan)
    let source = try view(client, half.offset)
    let stored = try StoredRecord(source.rawSpan)
    #expect(record.sysFlag.transaction == .committed)
    #expect(record.preparedTransactionOffset == half.offset)
    #expect(record.queueOffset == .zero)
    #expect(record.flag == 7)
    #expect(record.bornTime == stored.bornTime)
    #expect(record.bornHost == stored.bornHost)
    #expect(record.bodyCRC == stored.bodyCRC)
    #expect(record.properties.bytes.array == stored.properties.bytes.array)
    let operations = try records(client, "RMQ_SYS_TRANS_OP_HALF_TOPIC", queue: 0)
    try #require(operations.count <= 1)
    let again = try end(client, half, 8)
    #expect(again.responseCode == .systemError)
    #expect(again.remark == "the half message at queue offset 0 has ended already")
    #expect(try bodies(client) == ["one"])
  }

  @Test func `the operation message is Java's`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(try end(client, half, 8).responseCode == .success)
    let committed = try records(client, "Orders")[0]
    let message = try StoredRecord(committed.rawSpan)
    let bytes = try view(client, message.physicalOffset.rawValue + Int64(message.size))
    let operation = try StoredRecord(bytes.rawSpan)
    #expect(operation.topic.text == "RMQ_SYS_TRANS_OP_HALF_TOPIC")
    #expect(operation.properties.bytes.text == "WAIT\u{1}true\u{2}TAGS\u{1}d")
    #expect(operation.body.text == "0")
    #expect(operation.queueID == 0)
    #expect(operation.bodyMatchesCRC == true)
  }

  @Test func `a rollback never delivers, not even when a commit follows`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(try end(client, half, 12).responseCode == .success)
    #expect(try end(client, half, 8).responseCode == .systemError)
    #expect(try end(client, half, 12).responseCode == .systemError)
    #expect(try count(client, "Orders") == 0)
  }

  @Test(arguments: [0, 4, -1, 7] as [Int32])
  func `other ends leave the half message open`(resolution: Int32) throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(try end(client, half, resolution).responseCode == .success)
    #expect(try count(client, "Orders") == 0)
    #expect(try end(client, half, 8).responseCode == .success)
    #expect(try bodies(client) == ["one"])
  }

  @Test func `an end that names another message or group is refused`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(try end(client, half, 8, group: "other").remark == "The producer group wrong")
    let wrongPlace = Half(offset: half.offset, queueOffset: 1, key: "one")
    #expect(try end(client, wrongPlace, 8).remark == "The transaction state table offset wrong")
    for offset in [half.offset + 1, -1, .max, .min] {
      let missing = try end(client, Half(offset: offset, queueOffset: 0, key: "one"), 8)
      #expect(missing.responseCode == .systemError)
      #expect(missing.remark == "Find prepared transaction message failed")
    }
    let plain = try send(client, "plain", properties: "PGROUP\u{1}pg", sysFlag: 0)
    let id = try MessageID(plain["msgId"] ?? "")
    let other = try end(client, Half(offset: id.offset.rawValue, queueOffset: 0, key: "plain"), 8)
    #expect(other.remark == "Find prepared transaction message failed")
    #expect(try bodies(client) == ["plain"])
  }

  @Test(arguments: [0, 1, 1 << 40, .max] as [Int64])
  func `what looks like a half message in a body ends none`(place: Int64) throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    let source = try view(client, half.offset)
    // A message of the same size tells where the body of the next one will lie.
    let first = try client.ask(.sendMessageV2, Fields.send(to: "Bodies"), body: source)
    let start = try MessageID(first["msgId"] ?? "").offset.rawValue
    let stored = try view(client, start)
    let size = try StoredRecord(stored.rawSpan).size
    let offset = start + Int64(size) + Int64(Self.bodyPosition)
    var forged = ByteWriter()
    forged.write(source.rawSpan.extracting(0..<20))
    forged.write(place)
    forged.write(offset)
    forged.write(source.rawSpan.extracting(36..<source.count))
    #expect(try client.ask(.sendMessageV2, Fields.send(to: "Bodies"), body: forged.array).responseCode == .success)
    #expect(try view(client, offset) == forged.array)
    for resolution in [8, 12] as [Int32] {
      let answer = try end(client, Half(offset: offset, queueOffset: place, key: "one"), resolution)
      #expect(answer.remark == "Find prepared transaction message failed")
    }
    let id = MessageID(host: .loopback(port: 10911), offset: PhysicalOffset(offset)).description
    let resumed = try client.ask(.resumeCheckHalfMessage, [ReplyField("msgId", id)])
    #expect(resumed.responseCode == .systemError)
    #expect(try end(client, half, 8).responseCode == .success)
    let next = try sendHalf(client, "two")
    #expect(try end(client, next, 8).responseCode == .success)
    #expect(try bodies(client) == ["one", "two"])
  }

  /// Where the body begins in a record of hosts with IPv4 addresses.
  private static let bodyPosition = 88

  @Test func `an end of a message that stood at the same place before a power loss is refused`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let half = try sendHalf(client, "one")
    let lost = Half(offset: half.offset, queueOffset: half.queueOffset, key: "lost")
    for resolution in [8, 12] as [Int32] {
      let late = try end(client, lost, resolution)
      #expect(late.responseCode == .systemError)
      #expect(late.remark == "another half message stands at queue offset 0 now")
    }
    #expect(try count(client, "Orders") == 0)
    // A client that knows the place alone, or names the message by it, is believed.
    let id = MessageID(host: .loopback(port: 10911), offset: PhysicalOffset(half.offset)).description
    #expect(try end(client, Half(offset: half.offset, queueOffset: 0, key: id), 0).responseCode == .success)
    #expect(try end(client, Half(offset: half.offset, queueOffset: 0, key: ""), 8).responseCode == .success)
    #expect(try bodies(client) == ["one"])
  }

  @Test func `sends that cannot be half messages are refused`() throws {
    let served = try ServedBroker([("rejectTransactionMessage", "true")])
    let client = try served.client()
    let rejected = try send(client, "one")
    #expect(rejected.responseCode == .noPermission)
    #expect(rejected.remark?.hasSuffix("sending transaction message is forbidden") == true)
    let unmarked = try send(client, "one", properties: "PGROUP\u{1}pg")
    #expect(unmarked.responseCode == .messageIllegal)
    #expect(try send(client, "one", sysFlag: 0, code: .sendBatchMessage).responseCode == .messageIllegal)
    #expect(try send(client, "one", topic: "RMQ_SYS_TRANS_HALF_TOPIC").responseCode == .noPermission)
    #expect(try send(client, "one", queue: 99).responseCode == .systemError)
    let live = try ServedBroker()
    let delayed = try send(live.client(), "one", properties: Self.properties("k") + "\u{2}DELAY\u{1}3")
    #expect(delayed.responseCode == .messageIllegal)
  }

  // MARK: Questions

  @Test func `a producer of the group is asked, and its answer ends the half message`() throws {
    let served = try ServedBroker(Self.eager)
    let client = try served.client()
    try client.heartbeat("producer@1", producer: "pg")
    let half = try sendHalf(client, "one")
    let question = try client.request(.checkTransactionState)
    #expect(question.header.isOneway)
    #expect(question["commitLogOffset"] == "\(half.offset)")
    #expect(question["tranStateTableOffset"] == "0")
    #expect(question["msgId"] == "one")
    #expect(question["transactionId"] == "one")
    let record = try StoredRecord(question.body.rawSpan)
    #expect(record.topic.text == "Orders")
    #expect(record.queueID == 1)
    #expect(record.body.text == "one")
    #expect(question["offsetMsgId"] == record.id.description)
    #expect(record.properties.integer(PropertyName.transactionCheckTimes) == 1)
    #expect(try end(client, half, 8).responseCode == .success)
    #expect(try bodies(client) == ["one"])
    // Asking stored nothing.
    #expect(try count(client, "RMQ_SYS_TRANS_HALF_TOPIC", queue: 0) == 1)
  }

  @Test func `the clients of a group are asked in turn`() throws {
    let served = try ServedBroker(Self.eager)
    let clients = try (0..<3).map { _ in try served.client() }
    for (index, client) in clients.enumerated() { try client.heartbeat("producer@\(index)", producer: "pg") }
    _ = try sendHalf(clients[0], "one")
    for client in clients { #expect(try client.request(.checkTransactionState)["msgId"] == "one") }
  }

  @Test func `a producer that does not fetch its questions is asked no more`() throws {
    let served = try ServedBroker(
      Self.eager + [("mappedFileSizeCommitLog", "16777216"), ("transactionCheckMax", "15")])
    let slow = try RawClient(port: served.port, receiveBuffer: 65_536)
    let data = HeartbeatData(clientID: "slow@1", producerGroups: ["pg"], consumers: [])
    #expect(try slow.ask(.heartbeat, body: data.bytes()).responseCode == .success)
    let client = try served.client()
    let body = String(repeating: "x", count: 1 << 20)
    for number in 0..<8 {
      #expect(try send(client, body, properties: Self.properties("\(number)")).responseCode == .success)
    }
    // Each counts fifteen questions by then, 120 megabytes in all.
    try wait(client, until: "TRANS_CHECK_MAX_TIME_TOPIC", has: 8)
    slow.send(.getMaxOffset, Fields.queue("Orders"))
    var questions = 0
    while let next = try slow.receive(), !next.header.isResponse { questions += 1 }
    #expect((1...30).contains(questions))
  }

  @Test func `one that nobody answers for is given up, and an administrator brings it back`() throws {
    let served = try ServedBroker(Self.eager + [("transactionCheckMax", "2")])
    let client = try served.client()
    try client.heartbeat("producer@1", producer: "pg")
    let half = try sendHalf(client, "one")
    try wait(client, until: "TRANS_CHECK_MAX_TIME_TOPIC", has: 1)
    let parked = try records(client, "TRANS_CHECK_MAX_TIME_TOPIC", queue: 0)[0]
    let record = try StoredRecord(parked.rawSpan)
    #expect(record.body.text == "one")
    #expect(record.properties.integer(PropertyName.transactionCheckTimes) == 2)
    #expect(record.properties.dictionary["REAL_TOPIC"] == "Orders")
    #expect(try end(client, half, 8).responseCode == .systemError)
    // It is not given up once more before it is answered for.
    let patient = try client.ask(.updateBrokerConfig, body: Array("transactionCheckMax=1000000".utf8))
    #expect(patient.responseCode == .success)
    let resumed = try client.ask(ResumeCheckHalfMessage.Request(messageID: record.id.description))
    #expect(resumed.responseCode == .success)
    let question = try client.request(.checkTransactionState) { $0["tranStateTableOffset"] == "1" }
    let body = try StoredRecord(question.body.rawSpan)
    #expect(body.properties.integer(PropertyName.transactionCheckTimes) == 1)
    let again = Half(offset: Int64(question["commitLogOffset"] ?? "") ?? -1, queueOffset: 1, key: "one")
    #expect(try end(client, again, 8).responseCode == .success)
    #expect(try bodies(client) == ["one"])
  }

  @Test func `one that an administrator brings back twice comes back once`() throws {
    let served = try ServedBroker(Self.eager + [("transactionCheckMax", "1")])
    let client = try served.client()
    _ = try sendHalf(client, "one")
    try wait(client, until: "TRANS_CHECK_MAX_TIME_TOPIC", has: 1)
    let parked = try records(client, "TRANS_CHECK_MAX_TIME_TOPIC", queue: 0)[0]
    let id = try StoredRecord(parked.rawSpan).id.description
    // So that it is not given up again meanwhile.
    let change = try client.ask(.updateBrokerConfig, body: Array("transactionCheckMax=1000000".utf8))
    #expect(change.responseCode == .success)
    for _ in 0..<3 {
      #expect(try client.ask(ResumeCheckHalfMessage.Request(messageID: id)).responseCode == .success)
    }
    #expect(try count(client, "RMQ_SYS_TRANS_HALF_TOPIC", queue: 0) == 2)
    try client.heartbeat("producer@1", producer: "pg")
    let question = try client.request(.checkTransactionState)
    let half = Half(offset: Int64(question["commitLogOffset"] ?? "") ?? -1, queueOffset: 1, key: "one")
    #expect(try end(client, half, 8).responseCode == .success)
    #expect(try client.ask(ResumeCheckHalfMessage.Request(messageID: id)).responseCode == .systemError)
    #expect(try count(client, "RMQ_SYS_TRANS_HALF_TOPIC", queue: 0) == 2)
    #expect(try bodies(client) == ["one"])
  }

  @Test func `resuming anything but a half message that waits is refused in Java's words`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    for sample in try RecordedFrames.samples("0323-RESUME_CHECK_HALF_MESSAGE") where sample.response?.remark != nil {
      let answer = try client.ask(.resumeCheckHalfMessage, sample.request.fields ?? [])
      #expect(answer.responseCode == sample.response?.responseCode)
      #expect(answer.remark == sample.response?.remark)
    }
    let half = try sendHalf(client, "one")
    let id = MessageID(host: .loopback(port: 10911), offset: PhysicalOffset(half.offset)).description
    #expect(try client.ask(ResumeCheckHalfMessage.Request(messageID: id)).responseCode == .success)
    #expect(try count(client, "RMQ_SYS_TRANS_HALF_TOPIC", queue: 0) == 1)
    #expect(try end(client, half, 8).responseCode == .success)
    #expect(try client.ask(ResumeCheckHalfMessage.Request(messageID: id)).responseCode == .systemError)
    let committed = try records(client, "Orders")[0]
    let delivered = try StoredRecord(committed.rawSpan).id.description
    #expect(try client.ask(ResumeCheckHalfMessage.Request(messageID: delivered)).responseCode == .systemError)
    #expect(try count(client, "RMQ_SYS_TRANS_HALF_TOPIC", queue: 0) == 1)
  }

  // MARK: Restarts

  @Test func `a kill at any step neither loses nor repeats`() throws {
    var served = try ServedBroker()
    var client = try served.client()
    func kill() throws {
      let store = try served.killed()
      client = try TestClient(port: 1) { _ in nil }
      served = try ServedBroker(last: store)
      client = try served.client()
    }
    // Topics made by sends are written a little later.
    let made = try client.ask(
      UpdateAndCreateTopic.Request(
        topic: "Orders", defaultTopic: "TBW102", readQueueCount: 4, writeQueueCount: 4, permission: 6,
        filter: "SINGLE_TAG"))
    #expect(made.responseCode == .success)
    let open = try sendHalf(client, "open")
    let committed = try sendHalf(client, "committed")
    let dropped = try sendHalf(client, "dropped")
    try kill()
    #expect(try end(client, committed, 8).responseCode == .success)
    try kill()
    #expect(try end(client, committed, 8).responseCode == .systemError)
    #expect(try end(client, dropped, 12).responseCode == .success)
    try kill()
    #expect(try end(client, dropped, 8).responseCode == .systemError)
    #expect(try bodies(client) == ["committed"])
    #expect(try end(client, open, 8).responseCode == .success)
    try kill()
    #expect(try end(client, open, 8).responseCode == .systemError)
    #expect(try bodies(client) == ["committed", "open"])
    #expect(try sendHalf(client, "next").queueOffset == 3)
  }

  /// A store whose last record is a message that was committed, without its operation message; the half message, and
  /// where the operation message belongs.
  private func halfEnded() throws -> (store: String, half: Half, place: Int64) {
    let lazy = [("flushIntervalCommitLog", "600000"), ("flushIntervalConsumeQueue", "600000")]
    let served = try ServedBroker(lazy)
    let client = try served.client()
    let half = try sendHalf(client, "one")
    #expect(try end(client, half, 8).responseCode == .success)
    let committed = try records(client, "Orders")[0]
    let message = try StoredRecord(committed.rawSpan)
    let place = message.physicalOffset.rawValue + Int64(message.size)
    let store = try served.killed()
    let log = try #require(FileHandle(forUpdatingAtPath: store + "/commitlog/00000000000000000000"))
    try log.seek(toOffset: UInt64(place))
    try log.write(contentsOf: Data(count: 200))
    try log.close()
    return (store, half, place)
  }

  private func expectOperation(_ client: TestClient, at offset: Int64) throws {
    let bytes = try view(client, offset)
    let operation = try StoredRecord(bytes.rawSpan)
    #expect(operation.topic.text == "RMQ_SYS_TRANS_OP_HALF_TOPIC")
    #expect(operation.body.text == "0")
  }

  @Test func `a crash between a delivered message and its operation message delivers nothing twice`() throws {
    let (store, half, place) = try halfEnded()
    let next = try ServedBroker(last: store)
    let client = try next.client()
    let again = try end(client, half, 8)
    #expect(again.remark == "the half message at queue offset 0 has ended already")
    // The missing operation message is there now.
    try expectOperation(client, at: place)
  }

  @Test func `nor does one before a start on a full device, the operation message comes first`() throws {
    let (store, half, place) = try halfEnded()
    let disk = GatedDisk()
    disk.failPopulations(.full)
    let next = try ServedBroker(Self.eager, last: store, disk: disk)
    let client = try next.client()
    try client.heartbeat("producer@1", producer: "pg")
    let again = try end(client, half, 8)
    #expect(again.responseCode == .systemError)
    #expect(again.remark == "the half message at queue offset 0 is just being ended")
    #expect(try send(client, "x", properties: "PGROUP\u{1}pg", sysFlag: 0).responseCode == .serviceNotAvailable)
    disk.failPopulations(nil)
    try Patience.wait {
      try send(client, "next", properties: "PGROUP\u{1}pg", sysFlag: 0).responseCode == .success
    }
    try expectOperation(client, at: place)
    #expect(try end(client, half, 8).remark == "the half message at queue offset 0 has ended already")
    #expect(try bodies(client) == ["one", "next"])
    #expect(client.count(.checkTransactionState) == 0)
  }

  @Test func `a delivered message that comes again ends no half message at a start`() throws {
    let served = try ServedBroker()
    let client = try served.client()
    let first = try sendHalf(client, "first")
    try #require(first.offset == 0)
    #expect(try end(client, try sendHalf(client, "other"), 8).responseCode == .success)
    let record = try records(client, "Orders")[0]
    let delivered = try StoredRecord(record.rawSpan).physicalOffset.rawValue
    // The last record is marked as committed, as the delivered one is, and names no half message: 0, where one lies.
    let back = ConsumerSendMessageBack.Request(offset: delivered, group: "readers", delayLevel: 7)
    #expect(try client.ask(.consumerSendMessageBack, back.fields).responseCode == .success)
    try served.awaitSettings(of: "Orders")
    let next = try ServedBroker(last: try served.killed())
    let again = try next.client()
    #expect(try end(again, first, 8).responseCode == .success)
    #expect(try bodies(again) == ["other", "first"])
  }

  @Test func `after a stop the offsets say what is done, and the open one is asked about`() throws {
    let store = ServedBroker.newDirectory()
    do {
      let served = try ServedBroker(kept: store)
      let client = try served.client()
      let first = try sendHalf(client, "first")
      _ = try sendHalf(client, "open")
      #expect(try end(client, first, 8).responseCode == .success)
    }
    let served = try ServedBroker(Self.eager, last: store)
    let client = try served.client()
    let all = try client.ask(.getAllConsumerOffset)
    let text = all.body.rawSpan.text
    #expect(text.contains("\"RMQ_SYS_TRANS_HALF_TOPIC@CID_RMQ_SYS_TRANS\":{0:1}"))
    #expect(text.contains("\"RMQ_SYS_TRANS_OP_HALF_TOPIC@CID_RMQ_SYS_TRANS\":{0:1}"))
    try client.heartbeat("producer@1", producer: "pg")
    let question = try client.request(.checkTransactionState)
    #expect(question["msgId"] == "open")
  }

  // MARK: Java's store

  @Test func `half messages that a Java broker left open are asked about and delivered`() throws {
    let store = ServedBroker.newDirectory()
    try FileManager.default.createDirectory(atPath: store, withIntermediateDirectories: true)
    let archive = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/store/store.tar.gz").path
    let unpack = Process()
    unpack.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    unpack.arguments = ["tar", "-xzf", archive, "-C", store, "--strip-components=1"]
    try unpack.run()
    unpack.waitUntilExit()
    let served = try ServedBroker(
      Self.eager + [
        ("mappedFileSizeCommitLog", "65536"), ("mappedFileSizeConsumeQueue", "2000"), ("maxHashSlotNum", "500"),
        ("maxIndexNum", "400"),
      ], last: store)
    let client = try served.client()
    let before = try count(client, "FxTx", queue: 0)
    try client.heartbeat("producer@1", producer: "fx_store_txpg")
    for place in [2, 5, 8, 11] {
      let question = try client.request(.checkTransactionState) { $0["tranStateTableOffset"] == "\(place)" }
      let body = try StoredRecord(question.body.rawSpan)
      #expect(body.topic.text == "FxTx")
      let offset = Int64(question["commitLogOffset"] ?? "") ?? -1
      let half = Half(offset: offset, queueOffset: Int64(place), key: question["msgId"] ?? "")
      #expect(try end(client, half, place == 11 ? 12 : 8, group: "fx_store_txpg").responseCode == .success)
    }
    #expect(try count(client, "FxTx", queue: 0) == before + 2)
    let ended = Half(offset: 125_127, queueOffset: 0, key: "")
    #expect(try end(client, ended, 8, group: "fx_store_txpg").responseCode == .systemError)
  }
}
