import ApusBase
import Testing

@testable import ApusBrokerCore

@Suite struct ParkedPullsTests {
  let queue = QueueKey(topic: 1, queue: 0)
  let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

  func parked(_ pulls: Int, capacity: Int = 100, perConnection: Int = 100) -> ParkedPulls<Int> {
    var parked = ParkedPulls<Int>(capacity: capacity, perConnection: perConnection)
    for pull in 0..<pulls {
      _ = parked.park(
        pull, connection: UInt64(pull % 2), queue: queue, wanted: Int64(pull), subscription: nil,
        deadline: start + .seconds(15 + pull))
    }
    return parked
  }

  @Test func `a message wakes those that wait for it or for less, oldest first`() {
    var pulls = parked(5)
    var released: [ParkedPulls<Int>.Released] = []
    pulls.arrived(queue, offset: 2, tagsCode: 0, released: &released)
    #expect(released.map(\.pull) == [0, 1, 2])
    #expect(released.map(\.connection) == [0, 1, 0])
    #expect(pulls.count == 2)
    pulls.arrived(queue, offset: 2, tagsCode: 0, released: &released)
    #expect(released.count == 3)
  }

  @Test func `a message with another tag wakes nobody`() throws {
    var pulls = ParkedPulls<Int>(capacity: 10, perConnection: 10)
    let filter = try #require(Subscription(tagExpression: "a || b"))
    _ = pulls.park(7, connection: 1, queue: queue, wanted: 0, subscription: filter, deadline: start)
    var released: [ParkedPulls<Int>.Released] = []
    pulls.arrived(queue, offset: 0, tagsCode: Int64(JavaHash.hash("c")), released: &released)
    #expect(released.isEmpty)
    pulls.arrived(QueueKey(topic: 1, queue: 1), offset: 9, tagsCode: 97, released: &released)
    pulls.arrived(QueueKey(topic: 2, queue: 0), offset: 9, tagsCode: 97, released: &released)
    #expect(released.isEmpty)
    pulls.arrived(queue, offset: 1, tagsCode: Int64(JavaHash.hash("b")), released: &released)
    #expect(released.map(\.pull) == [7])
    #expect(!pulls.isAwaited(queue))
  }

  @Test func `a queue found longer wakes whatever the tags`() throws {
    var pulls = ParkedPulls<Int>(capacity: 10, perConnection: 10)
    let filter = try #require(Subscription(tagExpression: "a"))
    _ = pulls.park(1, connection: 1, queue: queue, wanted: 4, subscription: filter, deadline: start)
    var released: [ParkedPulls<Int>.Released] = []
    pulls.arrived(queue, end: 4, released: &released)
    #expect(released.isEmpty)
    pulls.arrived(queue, end: 5, released: &released)
    #expect(released.map(\.pull) == [1])
  }

  @Test func `time up releases what is due and nothing else`() {
    var pulls = parked(3)
    var released: [ParkedPulls<Int>.Released] = []
    pulls.expire(now: start + .milliseconds(14_999), released: &released)
    #expect(released.isEmpty)
    pulls.expire(now: start + .seconds(15), released: &released)
    #expect(released.map(\.pull) == [0])
    pulls.expire(now: start + .seconds(60), released: &released)
    #expect(released.map(\.pull) == [0, 1, 2])
    #expect(pulls.isEmpty)
  }

  @Test func `a shorter wait parked later is not noticed late`() {
    var pulls = parked(1)
    _ = pulls.park(9, connection: 3, queue: queue, wanted: 0, subscription: nil, deadline: start + .seconds(1))
    var released: [ParkedPulls<Int>.Released] = []
    pulls.expire(now: start + .seconds(1), released: &released)
    #expect(released.map(\.pull) == [9])
  }

  @Test func `a closed connection takes its pulls with it`() {
    var pulls = parked(6)
    pulls.connectionClosed(1)
    pulls.connectionClosed(1)
    pulls.connectionClosed(77)
    var released: [ParkedPulls<Int>.Released] = []
    pulls.releaseAll(released: &released)
    #expect(released.map(\.pull) == [0, 2, 4])
    #expect(pulls.isEmpty)
  }

  @Test func `refuses beyond its capacity, also by a single connection`() {
    var pulls = parked(6, capacity: 5)
    #expect(pulls.count == 5)
    pulls.connectionClosed(0)
    #expect(
      pulls.park(9, connection: 4, queue: queue, wanted: 0, subscription: nil, deadline: start) == .parked)
    let greedy = parked(10, perConnection: 3)
    #expect(greedy.count == 6)
  }

  @Test func `names the queues to compare with the store every five seconds`() {
    var pulls = parked(2)
    #expect(pulls.queuesToCheck(now: start).isEmpty)
    #expect(pulls.queuesToCheck(now: start + .milliseconds(4_999)).isEmpty)
    #expect(pulls.queuesToCheck(now: start + .seconds(5)) == [queue])
    #expect(pulls.queuesToCheck(now: start + .seconds(6)).isEmpty)
    pulls.connectionClosed(0)
    pulls.connectionClosed(1)
    #expect(pulls.queuesToCheck(now: start + .seconds(11)).isEmpty)
  }

  @Test func `a deleted topic releases its pulls only`() {
    var pulls = parked(2)
    _ = pulls.park(
      5, connection: 1, queue: QueueKey(topic: 2, queue: 3), wanted: 0, subscription: nil, deadline: start)
    var released: [ParkedPulls<Int>.Released] = []
    pulls.releaseAll(topic: 1, released: &released)
    #expect(released.map(\.pull) == [0, 1])
    #expect(pulls.isAwaited(QueueKey(topic: 2, queue: 3)))
  }

  @Test func `keeps its lists whole over random operations`() {
    var generator = SeededGenerator(seed: 12)
    var pulls = ParkedPulls<Int>(capacity: 64, perConnection: 64)
    var model: [Int: (connection: UInt64, queue: Int32, wanted: Int64)] = [:]
    for step in 0..<20_000 {
      var released: [ParkedPulls<Int>.Released] = []
      let target = Int32(generator.next() % 4)
      switch generator.next() % 8 {
      case 0:
        let connection = generator.next() % 5
        pulls.connectionClosed(connection)
        model = model.filter { $0.value.connection != connection }
      case 1...3:
        let offset = Int64(generator.next() % 16)
        pulls.arrived(QueueKey(topic: 1, queue: target), offset: offset, tagsCode: 0, released: &released)
        let expected = model.filter { $0.value.queue == target && $0.value.wanted <= offset }.keys.sorted()
        #expect(released.map(\.pull) == expected)
        for pull in expected { model[pull] = nil }
      default:
        let wait = (connection: generator.next() % 5, queue: target, wanted: Int64(generator.next() % 16))
        let outcome = pulls.park(
          step, connection: wait.connection, queue: QueueKey(topic: 1, queue: wait.queue), wanted: wait.wanted,
          subscription: nil, deadline: start)
        #expect((outcome == .parked) == (model.count < 64))
        if outcome == .parked { model[step] = wait }
      }
      #expect(pulls.count == model.count)
    }
  }
}
