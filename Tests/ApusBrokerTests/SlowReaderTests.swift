import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Testing

@testable import ApusBroker

/// Consumers that ask for messages and do not read what they are given.
@Suite(.timeLimit(.minutes(10))) struct SlowReaderTests {
  private static let topic = "SlowTopic"
  private static let bodyBytes = 200_000

  /// The answers to `count` pulls, read at last.
  private func read(_ count: Int, from client: RawClient) throws -> (found: Int, again: Int) {
    var found = 0
    var again = 0
    for _ in 0..<count {
      let answer = try #require(try client.receive())
      switch answer.responseCode {
      case .success:
        #expect(answer.body.count > Self.bodyBytes)
        #expect(answer["nextBeginOffset"] == "1")
        found += 1
      case .pullRetryImmediately:
        // From where it was: nothing may be passed over.
        #expect(answer["nextBeginOffset"] == "0")
        #expect(answer.body.isEmpty)
        again += 1
      default: Issue.record("answered with \(answer.responseCode)")
      }
    }
    return (found, again)
  }

  @Test func `pulls that all find something at once are bounded, and others are served`() throws {
    let served = try ServedBroker([("mappedFileSizeCommitLog", "16777216")])
    let sender = try RawClient(port: served.port)
    _ = try sender.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: 1), body: [1])
    let slow = try RawClient(port: served.port, receiveBuffer: 65_536)
    let count = 2000
    for _ in 0..<count { slow.send(.pullMessage, Fields.pull(Self.topic, at: 0, wait: 300_000)) }
    // Answered behind them, so that all of them wait now.
    _ = try slow.ask(.getMaxOffset, Fields.queue(Self.topic))
    // 400 megabytes if each were answered in full.
    let body = [UInt8](repeating: 7, count: Self.bodyBytes)
    let sent = try sender.ask(.sendMessageV2, Fields.send(to: Self.topic), body: body)
    #expect(sent.responseCode == .success)
    let pulled = try sender.ask(.pullMessage, Fields.pull(Self.topic, at: 0))
    #expect(pulled.responseCode == .success)
    #expect(pulled.body.count > Self.bodyBytes)
    #expect(
      try sender.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: 1), body: [2]).responseCode == .success)
    // One lands on each loop, which looks at a slice of what the message woke in each turn, and answers once in one: it
    // has come through all of it in a hundred. Pulls that are woken while their client reads already are rightly
    // answered in full.
    let others = try (0..<2).map { _ in try RawClient(port: served.port) }
    for _ in 0..<100 {
      for other in others { _ = try other.ask(.getMaxOffset, Fields.queue(Self.topic)) }
    }
    let (found, again) = try read(count, from: slow)
    #expect(found >= 1)
    // One megabyte waits in the broker and what the kernel's buffers take lies beyond it.
    #expect(found < 100)
    #expect(found + again == count)
    // Having read everything it is served again.
    #expect(try slow.ask(.pullMessage, Fields.pull(Self.topic, at: 0)).responseCode == .success)
  }

  @Test func `long answers of I/O threads come whole or are refused, and none is lost`() throws {
    let served = try ServedBroker([("mappedFileSizeCommitLog", "16777216")])
    let sender = try RawClient(port: served.port)
    let body = [UInt8](repeating: 7, count: Self.bodyBytes)
    _ = try sender.ask(.sendMessageV2, Fields.send(to: Self.topic), body: body)
    let slow = try RawClient(port: served.port, receiveBuffer: 65_536)
    let count = 400
    for _ in 0..<count { slow.send(.viewMessageByID, [ReplyField("offset", 0)]) }
    served.broker.drain(within: Patience.limit)
    var found = 0
    for _ in 0..<count {
      let answer = try #require(try slow.receive())
      if answer.responseCode == .success {
        #expect(answer.body.count > Self.bodyBytes)
        found += 1
      } else {
        #expect(answer.responseCode == .systemBusy && answer.body.isEmpty)
      }
    }
    #expect(found >= 1)
    #expect(try slow.ask(.viewMessageByID, [ReplyField("offset", 0)]).responseCode == .success)
  }

  @Test func `pulls that are asked one behind the other are read only as answers are fetched`() throws {
    let served = try ServedBroker([("mappedFileSizeCommitLog", "16777216")])
    let sender = try RawClient(port: served.port)
    let body = [UInt8](repeating: 7, count: Self.bodyBytes)
    _ = try sender.ask(.sendMessageV2, Fields.send(to: Self.topic), body: body)
    let slow = try RawClient(port: served.port, receiveBuffer: 65_536)
    let count = 300
    for _ in 0..<count { slow.send(.pullMessage, Fields.pull(Self.topic, at: 0)) }
    for _ in 0..<20 {
      #expect(try sender.ask(.sendMessageV2, Fields.send(to: Self.topic, queue: 1), body: [1]).responseCode == .success)
    }
    let (found, again) = try read(count, from: slow)
    #expect(found == count)
    #expect(again == 0)
  }

  @Test func `replies to a client that does not fetch them are not handed over`() throws {
    let served = try ServedBroker([("storeReplyMessageEnable", "false")])
    let asker = try RawClient(port: served.port, receiveBuffer: 65_536)
    let data = HeartbeatData(clientID: "asker@1", producerGroups: ["pg"], consumers: [])
    #expect(try asker.ask(.heartbeat, body: data.bytes()).responseCode == .success)
    let replier = try RawClient(port: served.port)
    let fields = Fields.send(to: Self.topic, properties: "REPLY_TO_CLIENT\u{1}asker@1")
    let body = [UInt8](repeating: 7, count: 1 << 20)
    for _ in 0..<60 { replier.send(.sendReplyMessageV2, fields, body: body) }
    // Those that were handed over are answered when the asker has been silent for ten seconds, the others at once.
    for _ in 0..<30 {
      let answer = try #require(try replier.receive())
      #expect(answer.remark == "push reply message to asker@1fail.")
    }
    asker.send(.getMaxOffset, Fields.queue(Self.topic))
    var handedOver = 0
    while let next = try asker.receive(), !next.header.isResponse { handedOver += 1 }
    #expect((1...30).contains(handedOver))
  }
}
