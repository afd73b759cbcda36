import ApusBase
import ApusSimulator
import ApusStoreCore
import Testing

@testable import ApusStore

/// What I/O threads read for pulls takes a bounded amount of memory, however many queues there are.
@Suite struct WarmedQueuesTests {
  @Test func `the queue that has held what was read for longest gives it up`() throws {
    let store = try MessageStore.open(disk: SimulatedDisk(seed: 1), settings: StoreSettings(root: "/store"))
    let queues = try (0..<3).map { try store.openQueue(topic: "T", id: $0) }
    var warmed = WarmedQueues(limit: 2)
    for queue in queues[..<2] + [queues[0]] {
      warmed.insert(queue)
      queue.warmed = (0, [1])
      queue.warmedExtensions = (0, [1])
    }
    #expect(queues.map { $0.warmed != nil } == [true, true, false])
    warmed.insert(queues[2])
    queues[2].warmed = (0, [1])
    #expect(queues.map { $0.warmed != nil } == [false, true, true])
    #expect(queues[0].warmedExtensions == nil)
    warmed.insert(queues[0])
    queues[0].warmed = (0, [1])
    #expect(queues.map { $0.warmed != nil } == [true, false, true])
  }
}
