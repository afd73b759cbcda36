import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem
import Foundation
import Testing

@testable import ApusBroker

/// What the log of a broker tells of requests that it refuses.
@Suite(.timeLimit(.minutes(10))) struct RefusedRequestsTests {
  /// The lines that a broker with these settings writes while `body` asks it and until it has ended.
  private func lines(
    _ entries: [(String, String)] = [], _ body: (ServedBroker) throws -> Void
  ) throws -> [String] {
    let file = try LogFile()
    let served = try ServedBroker(entries, log: file.logger)
    try body(served)
    served.stop()
    return try file.lines(with: "a request was refused")
  }

  /// How many refusals the lines tell of.
  private func times(_ lines: [String]) -> Int {
    lines.reduce(0) { sum, line in
      let told = line.components(separatedBy: " times=").last?.prefix { $0.isNumber } ?? ""
      return sum + (Int(told) ?? 0)
    }
  }

  @Test func `sends that are refused are told with their number, the client and the reason`() throws {
    let lines = try lines([("autoCreateTopicEnable", "false")]) { served in
      let client = try served.client()
      for _ in 0..<50 { #expect(try client.send("x", to: "Unknown").responseCode == .topicNotExist) }
    }
    #expect(times(lines) == 50)
    // One at once, one at the end; more only where the test stood still for longer than the interval.
    #expect(lines.count < 50)
    let first = try #require(lines.first)
    #expect(first.hasPrefix("WARN broker: a request was refused request=310 response=17 times=1 peer=127.0.0.1:"))
    #expect(first.contains(#" remark="topic[Unknown] not exist, apply first please!""#))
  }

  @Test func `a oneway request that is refused is told too`() throws {
    let lines = try lines { served in
      let client = try RawClient(port: served.port)
      client.send(.updateConsumerOffset, [ReplyField("topic", "T")], oneway: true)
      // Answered after the one before it.
      #expect(try client.ask(.getBrokerRuntimeInfo).responseCode == .success)
    }
    #expect(times(lines) == 1)
    #expect(lines.first?.contains(" request=15 ") == true)
  }

  @Test func `codes that nobody knows are one kind, however many there are`() throws {
    let lines = try lines { served in
      let client = try RawClient(port: served.port)
      for code: Int32 in 70_000..<70_100 {
        #expect(try client.ask(RequestCode(code)).responseCode == .requestCodeNotSupported)
      }
    }
    #expect(times(lines) == 100)
    #expect(lines.count < 100)
    #expect(lines.allSatisfy { $0.contains(" request=unknown response=3 ") })
  }

  @Test func `ordinary answers are not told`() throws {
    let lines = try lines { served in
      let client = try served.client()
      #expect(try client.send("x", to: "T").responseCode == .success)
      let group = [ReplyField("consumerGroup", "nobody")]
      #expect(try client.ask(.getConsumerListByGroup, group).responseCode == .systemError)
      let place = [ReplyField("topic", "T"), ReplyField("queueId", 0)]
      #expect(try client.ask(.queryConsumerOffset, group + place).responseCode != .systemError)
      #expect(try client.ask(.getTopicStatsInfo, [ReplyField("topic", "None")]).responseCode == .topicNotExist)
    }
    #expect(lines == [])
  }

  @Test func `who is not let in is told by peer and code`() throws {
    let directory = try AccessDirectory()
    let lines = try lines([("aclEnable", "true"), ("aclConfigDir", directory.path)]) { served in
      let client = try RawClient(port: served.port)
      let answer = try client.ask(.getBrokerConfig)
      #expect(answer.responseCode != .success)
    }
    #expect(times(lines) == 1)
    #expect(lines.first?.contains(" request=26 ") == true)
  }
}
