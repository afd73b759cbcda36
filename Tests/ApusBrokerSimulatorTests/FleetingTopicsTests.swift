import Testing

@testable import ApusBrokerSimulator
@testable import ApusSimulator

/// A topic to which messages were sent and that was deleted, and what its readers are told.
private final class History {
  static var queue: SimulatedConsumer.Queue { SimulatedConsumer.Queue(topic: "Fairs", id: 0) }
  static var first: FleetingTopics.Copy { FleetingTopics.Copy(key: "K1", offset: 0) }
  static var second: FleetingTopics.Copy { FleetingTopics.Copy(key: "K2", offset: 100) }

  var topics = FleetingTopics()

  /// Sends messages, each of which is answered.
  init(_ copies: [FleetingTopics.Copy] = []) throws {
    for copy in copies { try answer(copy, asked: send(copy)) }
  }

  func send(_ copy: FleetingTopics.Copy) -> FleetingTopics.Moment { topics.sends([copy.key]) }

  func answer(_ copy: FleetingTopics.Copy, asked: FleetingTopics.Moment) throws {
    try topics.stored(copy, in: Self.queue, asked: asked, time: 1_000_000)
  }

  func delete(isAnswered: Bool = true) {
    let asked = topics.deletes("Fairs")
    topics.answered(asked, isDone: isAnswered)
  }

  /// A broker starts that finds these messages in its log.
  func restart(with copies: [FleetingTopics.Copy]) {
    let records = copies.map { copy in
      ScannedLog.Record(
        offset: copy.offset, size: 100, queueID: 0, flag: 0, queueOffset: copy.offset / 100, sysFlag: 0,
        storeTime: 1_000_000, reconsumeTimes: 0, preparedTransactionOffset: 0, body: [], topic: "Fairs",
        properties: Array("UNIQ_KEY\u{1}\(copy.key)\u{2}".utf8))
    }
    topics.found(AuditedLog(records, start: 0), upTo: 1000)
  }

  /// Reads the topic. Returns whether that says something.
  func read(_ served: Set<FleetingTopics.Copy>, isExpired: Bool = false) throws -> Bool {
    let reading = FleetingTopics.Reading(topic: "Fairs", began: topics.moment(), served: served)
    return try topics.judge(reading) { _ in isExpired }
  }

  func isAt(_ offset: Int64) throws { try topics.check(offset, of: Self.queue, asked: topics.moment()) }
}

@Suite struct FleetingTopicsTests {
  @Test func `what was answered must be there until its file may go`() throws {
    let history = try History([History.first, History.second])
    #expect(try history.read([History.first, History.second]))
    #expect(throws: SimulationFailure.self) { try history.read([History.first]) }
    #expect(try history.read([History.first], isExpired: true))
  }

  @Test func `a deletion that was answered takes what was there, and nothing that came later`() throws {
    let history = try History([History.first])
    history.delete()
    try history.answer(History.second, asked: history.send(History.second))
    #expect(try history.read([History.second]))
    #expect(throws: SimulationFailure.self) { try history.read([History.first, History.second]) }
    #expect(throws: SimulationFailure.self) { try history.read([]) }
  }

  @Test(arguments: [false, true])
  func `a deletion without an answer has taken all or nothing by the next start`(takesAll: Bool) throws {
    let history = try History([History.first, History.second])
    history.delete(isAnswered: false)
    // It may be done while somebody reads.
    #expect(try history.read([History.second]))
    let later = FleetingTopics.Copy(key: "K3", offset: 200)
    try history.answer(later, asked: history.send(later))
    history.restart(with: [History.first, History.second, later])
    #expect(throws: SimulationFailure.self) { try history.read([History.second, later]) }
    let served: Set<FleetingTopics.Copy> = takesAll ? [later] : [History.first, History.second, later]
    #expect(try history.read(served))
    #expect(throws: SimulationFailure.self) { try history.read([History.second, later]) }
  }

  @Test(arguments: [false, true])
  func `a message that was sent during a deletion may be there or not`(isThere: Bool) throws {
    let history = try History()
    let asked = history.send(History.first)
    let deletion = history.topics.deletes("Fairs")
    try history.answer(History.first, asked: asked)
    history.topics.answered(deletion, isDone: true)
    #expect(try history.read(isThere ? [History.first] : []))
  }

  @Test func `a reading that a deletion came in between says nothing`() throws {
    let history = try History([History.first])
    let reading = FleetingTopics.Reading(topic: "Fairs", began: history.topics.moment())
    let deletion = history.topics.deletes("Fairs")
    #expect(try !history.topics.judge(reading) { _ in false })
    history.topics.answered(deletion, isDone: true)
    #expect(try !history.topics.judge(reading) { _ in false })
  }

  @Test func `a send that comes again is not answered with what was deleted`() throws {
    let history = try History([History.first])
    history.delete()
    let asked = history.send(History.first)
    #expect(throws: SimulationFailure.self) { try history.answer(History.first, asked: asked) }
  }

  @Test func `a group's offset is none of before the deletion`() throws {
    let history = try History([History.first])
    history.topics.tells(1, of: History.queue)
    #expect(history.topics.isBusy("Fairs"))
    history.topics.told(of: History.queue)
    #expect(!history.topics.isBusy("Fairs"))
    try history.isAt(1)
    history.delete()
    #expect(throws: SimulationFailure.self) { try history.isAt(1) }
    try history.isAt(0)
  }
}
