import ApusBase
import ApusModel
import Testing

@testable import ApusClientCore

@Suite struct QueueChoiceTests {
  private let queues = ["a", "b", "c"].flatMap { broker in
    (0..<2).map { MessageQueue(topic: "T", brokerName: broker, queueID: Int32($0)) }
  }
  private var choice: QueueChoice
  private let start = MonotonicTime(nanoseconds: 0)

  init() {
    var random = SeededGenerator(seed: 1)
    choice = QueueChoice(using: &random)
  }

  @Test mutating func `messages go to all queues in turn`() {
    var seen: [MessageQueue] = []
    for _ in 0..<12 { seen += [choice.choose(from: queues, avoiding: nil, nil, now: start)].compactMap { $0 } }
    #expect(Set(seen[..<6]) == Set(queues))
    #expect(seen[..<6] == seen[6...])
  }

  @Test mutating func `the broker that just failed is avoided while there is another`() {
    for _ in 0..<12 {
      #expect(choice.choose(from: queues, avoiding: "b", nil, now: start)?.brokerName != "b")
    }
    let alone = Array(queues[2..<4])
    #expect(choice.choose(from: alone, avoiding: "b", nil, now: start)?.brokerName == "b")
    #expect(choice.choose(from: [], avoiding: nil, nil, now: start) == nil)
  }

  @Test mutating func `a slow broker is left alone for as long as its step says`() {
    var faults = LatencyFault()
    faults.sent(to: "a", in: .milliseconds(600), now: start)
    faults.sent(to: "b", in: .milliseconds(90), now: start)
    for _ in 0..<12 { #expect(choice.choose(from: queues, avoiding: nil, faults, now: start)?.brokerName != "a") }
    #expect(!faults.isAvailable("a", now: start + .milliseconds(29_999)))
    #expect(faults.isAvailable("a", now: start + .seconds(30)))
    #expect(faults.isAvailable("b", now: start))
  }

  @Test mutating func `when none is available the one that is so first is taken`() {
    var faults = LatencyFault()
    faults.sent(to: "a", in: LatencyFault.failureLatency, now: start)
    faults.sent(to: "b", in: .seconds(1), now: start)
    faults.sent(to: "c", in: .seconds(2), now: start)
    #expect(choice.choose(from: queues, avoiding: nil, faults, now: start)?.brokerName == "b")
    #expect(choice.choose(from: queues, avoiding: "b", faults, now: start)?.brokerName == "c")
  }

  @Test func `a key always gives one queue, the one that Java takes`() {
    var random = SeededGenerator(seed: 2)
    func index(_ rule: QueueSelection) -> Int? {
      rule.choose(from: queues, using: &random).flatMap { queues.firstIndex(of: $0) }
    }
    // "order-7".hashCode() is -1207111304, "Aa" and "BB" have one, that of Long.MIN_VALUE is Integer.MIN_VALUE.
    #expect(index(.hash(of: "order-7")) == 1_207_111_304 % 6)
    #expect(index(.hash(of: "Aa")) == index(.hash(of: "BB")))
    #expect(index(.hash(of: Int64(5))) == 5)
    #expect(index(.hash(of: Int64.min)) == 2_147_483_648 % 6)
    let none = QueueSelection.random.choose(from: [], using: &random)
    #expect(none == nil)
    #expect(Set((0..<100).compactMap { _ in index(.random) }).count == 6)
  }

  @Test func `a machine room has the queues of its brokers`() {
    var random = SeededGenerator(seed: 3)
    let queues = ["r1@a", "r2@b", "c"].map { MessageQueue(topic: "T", brokerName: $0, queueID: 0) }
    for _ in 0..<20 {
      let queue = QueueSelection.machineRoom(["r2"]).choose(from: queues, using: &random)
      #expect(queue?.brokerName == "r2@b")
    }
    let none = QueueSelection.machineRoom(["r3"]).choose(from: queues, using: &random)
    #expect(none == nil)
  }
}
