import ApusBase
import ApusBrokerCore
import ApusModel
import ApusSystem
import Testing

@testable import ApusBroker

/// What follows from changes of topics.
@Suite(.timeLimit(.minutes(10))) struct BrokerEventsTests {
  @Test func `many topics made at once are one piece of work, which writes them all`() throws {
    let broker = try BrokerUnderTest()
    let io = try IOThreads(count: 1, capacity: 1000)
    let events = BrokerEvents(commit: ConfigCommit(config: broker.config, io: io, log: Logger(level: .error)))
    let gate = IOFairnessTests.Gate()
    gate.occupy(io)
    gate.waitUntilEntered()
    for number in 0..<100 {
      broker.topic("T\(number)")
      events.topicChanged(try #require(broker.tables.topics.withLock { $0.find("T\(number)") }))
    }
    #expect(io.figures.waiting == 1)
    gate.open()
    io.stop()
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    let names = Set(stored.topics?.topics.map(\.name) ?? [])
    #expect(names.isSuperset(of: (0..<100).map { "T\($0)" }))
  }

  @Test func `a change after a write is written too`() throws {
    let broker = try BrokerUnderTest()
    let io = try IOThreads(count: 1, capacity: 1000)
    let events = BrokerEvents(commit: ConfigCommit(config: broker.config, io: io, log: Logger(level: .error)))
    for name in ["First", "Second"] {
      broker.topic(name)
      events.topicChanged(try #require(broker.tables.topics.withLock { $0.find(name) }))
      let gate = IOFairnessTests.Gate()
      // The only thread enters when it has written.
      gate.occupy(io)
      gate.waitUntilEntered()
      gate.open()
    }
    io.stop()
    let stored = try ConfigStore.load(root: "/store", disk: broker.disk)
    #expect(stored.topics?.topics.contains { $0.name == "Second" } == true)
  }
}
