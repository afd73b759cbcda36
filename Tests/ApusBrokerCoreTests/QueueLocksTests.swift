import ApusBase
import ApusModel
import Testing

@testable import ApusBrokerCore

@Suite struct QueueLocksTests {
  private func queue(_ id: Int32, _ topic: String = "T") -> MessageQueue {
    MessageQueue(topic: topic, brokerName: "b", queueID: id)
  }

  private func at(_ seconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: 0) + .seconds(seconds) }

  @Test func `a queue belongs to who asked first, in each group`() {
    var locks = QueueLocks()
    #expect(locks.lock([queue(0), queue(1)], group: "g", client: "a", now: at(0)) == [queue(0), queue(1)])
    #expect(locks.lock([queue(1), queue(2)], group: "g", client: "b", now: at(1)) == [queue(2)])
    #expect(locks.lock([queue(0)], group: "h", client: "b", now: at(1)) == [queue(0)])
    #expect(locks.lock([queue(0, "U")], group: "g", client: "b", now: at(1)) == [queue(0, "U")])
    #expect(locks.count == 5)
  }

  @Test func `asking again renews the lease`() {
    var locks = QueueLocks()
    for seconds in stride(from: Int64(0), through: 200, by: 20) {
      #expect(locks.lock([queue(0)], group: "g", client: "a", now: at(seconds)) == [queue(0)])
    }
    #expect(locks.lock([queue(0)], group: "g", client: "b", now: at(260)).isEmpty)
    #expect(locks.lock([queue(0)], group: "g", client: "b", now: at(261)) == [queue(0)])
    #expect(locks.lock([queue(0)], group: "g", client: "a", now: at(261)).isEmpty)
  }

  @Test(arguments: [60, 61] as [Int64])
  func `a lock lasts sixty seconds and not one more`(seconds: Int64) {
    var locks = QueueLocks()
    _ = locks.lock([queue(0)], group: "g", client: "a", now: at(0))
    #expect(locks.holder(of: queue(0), group: "g", now: at(seconds)) == (seconds == 60 ? "a" : nil))
    let stolen = locks.lock([queue(0)], group: "g", client: "b", now: at(seconds))
    #expect(stolen == (seconds == 60 ? [] : [queue(0)]))
    #expect(locks.count == 1)
  }

  @Test func `only the holder gives a lock back`() {
    var locks = QueueLocks()
    _ = locks.lock([queue(0), queue(1)], group: "g", client: "a", now: at(0))
    locks.unlock([queue(0), queue(1), queue(7)], group: "g", client: "b")
    #expect(locks.count == 2)
    locks.unlock([queue(0)], group: "h", client: "a")
    #expect(locks.count == 2)
    locks.unlock([queue(0)], group: "g", client: "a")
    #expect(locks.lock([queue(0), queue(1)], group: "g", client: "b", now: at(1)) == [queue(0)])
    locks.unlock([queue(1)], group: "g", client: "a")
    locks.unlock([queue(0)], group: "g", client: "b")
    #expect(locks.count == 0)
    #expect(locks.groupCount == 0)
  }

  @Test func `a client whose lock was stolen cannot give it back`() {
    var locks = QueueLocks()
    _ = locks.lock([queue(0)], group: "g", client: "a", now: at(0))
    _ = locks.lock([queue(0)], group: "g", client: "b", now: at(61))
    locks.unlock([queue(0)], group: "g", client: "a")
    #expect(locks.holder(of: queue(0), group: "g", now: at(61)) == "b")
  }

  @Test func `expired locks and empty groups are removed`() {
    var locks = QueueLocks()
    _ = locks.lock([queue(0)], group: "g", client: "a", now: at(0))
    _ = locks.lock([queue(0), queue(1)], group: "h", client: "a", now: at(0))
    _ = locks.lock([queue(1)], group: "h", client: "a", now: at(30))
    locks.removeExpired(now: at(60))
    #expect(locks.count == 3)
    locks.removeExpired(now: at(61))
    #expect(locks.count == 1)
    #expect(locks.groupCount == 1)
    locks.removeExpired(now: at(91))
    #expect(locks.groupCount == 0)
  }

  @Test func `a full table takes no more, but renews, and has room again when locks expire`() {
    var locks = QueueLocks(limit: 3)
    #expect(locks.lock((0..<5).map { queue($0) }, group: "g", client: "a", now: at(0)).count == 3)
    #expect(locks.lock([queue(0)], group: "h", client: "b", now: at(1)).isEmpty)
    #expect(locks.groupCount == 1)
    #expect(locks.lock([queue(2)], group: "g", client: "a", now: at(30)) == [queue(2)])
    #expect(locks.lock([queue(0), queue(1)], group: "h", client: "b", now: at(62)) == [queue(0), queue(1)])
    #expect(locks.count == 3)
  }

  @Test func `the same queue twice in a request is one lock`() {
    var locks = QueueLocks()
    _ = locks.lock([queue(0), queue(0)], group: "g", client: "a", now: at(0))
    #expect(locks.count == 1)
    locks.unlock([queue(0), queue(0)], group: "g", client: "a")
    #expect(locks.count == 0)
  }

  /// With a copy of the group's table for each request this takes an hour.
  @Test(.timeLimit(.minutes(10))) func `one lock is renewed at once in a group that has all locks`() {
    var locks = QueueLocks()
    let all = (0..<Int32(200_000)).map { queue($0) }
    #expect(locks.lock(all, group: "g", client: "a", now: at(0)).count == all.count)
    var renewed = 0
    for round in 0..<60_000 {
      renewed += locks.lock([queue(Int32(round))], group: "g", client: "a", now: at(1)).count
    }
    #expect(renewed == 60_000)
    for round in 0..<60_000 { locks.unlock([queue(Int32(round))], group: "g", client: "a") }
    #expect(locks.count == 140_000)
  }
}
