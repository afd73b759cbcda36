import ApusBase
import ApusBrokerCore
import Testing

@Suite struct RegistrationTests {
  private typealias Action = Registration.Action
  private typealias Answer = Registration.Answer

  private let one = "ns1:9876"
  private let two = "ns2:9876"

  private func second(_ seconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: 0) + .seconds(seconds) }

  /// Registered with `ns1` at second 0.
  private func registered(_ settings: Registration.Settings = .init()) -> Registration {
    var registration = Registration(settings: settings)
    var actions = registration.start(nameServers: [one], now: second(0))
    #expect(actions == [.register(nameServer: one)])
    actions = registration.registered(nameServer: one, Answer(), now: second(0))
    #expect(actions == [.adopt(Answer())])
    return registration
  }

  @Test func `registers with every name server at the start`() {
    var registration = Registration()
    #expect(registration.nextDue == nil)
    let actions = registration.start(nameServers: [one, two, one], now: second(0))
    #expect(actions == [.register(nameServer: one), .register(nameServer: two)])
    #expect(registration.nextDue == nil)
  }

  @Test func `registers again after 10 seconds and then every period`() {
    var registration = registered()
    for due in [10, 40, 70] {
      #expect(registration.nextDue == second(due))
      let early = registration.tick(now: second(due - 1))
      #expect(early == [])
      let actions = registration.tick(now: second(due))
      #expect(actions == [.register(nameServer: one)])
      let more = registration.tick(now: second(due + 5))
      #expect(more == [])
      _ = registration.registered(nameServer: one, Answer(), now: second(due))
    }
  }

  @Test(arguments: [(1, 10), (10, 10), (45, 45), (600, 60)])
  func `clamps the period to 10 to 60 seconds`(_ asked: Int, _ used: Int) {
    #expect(Registration.Settings(period: .seconds(asked)).period == .seconds(used))
  }

  @Test func `asks for the data version first unless forced`() {
    var registration = registered(.init(isForced: false))
    var actions = registration.tick(now: second(10))
    #expect(actions == [.compareVersion(nameServer: one)])
    actions = registration.compared(nameServer: one, isChanged: false, now: second(10))
    #expect(actions == [])
    actions = registration.tick(now: second(40))
    #expect(actions == [.compareVersion(nameServer: one)])
    actions = registration.compared(nameServer: one, isChanged: true, now: second(40))
    #expect(actions == [.register(nameServer: one)])
  }

  @Test func `registers at once when topics change`() {
    var registration = registered(.init(isForced: false))
    let actions = registration.topicsChanged()
    #expect(actions == [.register(nameServer: one)])
  }

  @Test func `changes during a call are covered by one registration after it`() {
    var registration = registered()
    _ = registration.topicsChanged()
    var actions = registration.topicsChanged()
    #expect(actions == [])
    actions = registration.topicsChanged()
    #expect(actions == [])
    actions = registration.registered(nameServer: one, Answer(), now: second(1))
    #expect(actions == [.register(nameServer: one)])
    actions = registration.registered(nameServer: one, Answer(), now: second(2))
    #expect(actions == [])
  }

  @Test func `a change during a comparison makes its answer worthless`() {
    var registration = registered(.init(isForced: false))
    _ = registration.tick(now: second(10))
    _ = registration.topicsChanged()
    let actions = registration.compared(nameServer: one, isChanged: false, now: second(10))
    #expect(actions == [.register(nameServer: one)])
  }

  @Test func `tries again after 1, 2, 4 seconds and then every period`() {
    var registration = Registration(settings: .init(isForced: false))
    _ = registration.start(nameServers: [one], now: second(0))
    var now = 0
    for wait in [1, 2, 4, 8, 16, 30, 30] {
      _ = registration.failed(nameServer: one, now: second(now))
      now += wait
      #expect(registration.nextDue == second(now))
      // It has not been registered yet, so that asking for the version would be idle.
      let actions = registration.tick(now: second(now))
      #expect(actions == [.register(nameServer: one)])
    }
    _ = registration.registered(nameServer: one, Answer(), now: second(now))
    _ = registration.tick(now: second(now + 10))
    _ = registration.failed(nameServer: one, now: second(now + 10))
    #expect(registration.nextDue == second(now + 11))
  }

  @Test func `a change during a comparison that fails is not forgotten`() {
    var registration = registered(.init(isForced: false))
    _ = registration.tick(now: second(10))
    _ = registration.topicsChanged()
    _ = registration.failed(nameServer: one, now: second(10))
    let actions = registration.tick(now: second(11))
    #expect(actions == [.register(nameServer: one)])
  }

  @Test func `a name server that fails does not hold up another`() {
    var registration = Registration()
    _ = registration.start(nameServers: [one, two], now: second(0))
    _ = registration.failed(nameServer: one, now: second(0))
    _ = registration.registered(nameServer: two, Answer(), now: second(0))
    let actions = registration.tick(now: second(1))
    #expect(actions == [.register(nameServer: one)])
  }

  @Test func `registers soon after a lost connection`() {
    var registration = registered(.init(isForced: false))
    registration.connectionLost(nameServer: one, now: second(3))
    registration.connectionLost(nameServer: "other", now: second(3))
    #expect(registration.nextDue == second(4))
    let actions = registration.tick(now: second(4))
    #expect(actions == [.register(nameServer: one)])
  }

  @Test func `adopts what the first name server that answers says`() {
    let first = Answer(masterAddress: "m:1", haServerAddress: "m:2", orderTopics: ["T": "a:4"])
    let other = Answer(masterAddress: "x:1")
    var registration = Registration()
    _ = registration.start(nameServers: [one, two], now: second(0))
    var actions = registration.registered(nameServer: two, other, now: second(0))
    #expect(actions == [.adopt(other)])
    actions = registration.registered(nameServer: one, first, now: second(0))
    #expect(actions == [.adopt(first)])
    _ = registration.tick(now: second(10))
    actions = registration.registered(nameServer: two, other, now: second(10))
    #expect(actions == [])
    actions = registration.failed(nameServer: one, now: second(10))
    #expect(actions == [.adopt(other)])
  }

  @Test func `a new list of name servers keeps what is known of the old ones`() {
    var registration = registered()
    let actions = registration.replaceNameServers([two, one], now: second(1))
    #expect(actions == [.register(nameServer: two)])
    _ = registration.replaceNameServers([one], now: second(1))
    let late = registration.registered(nameServer: two, Answer(masterAddress: "x"), now: second(2))
    #expect(late == [])
  }

  @Test func `leaves every name server at the end and is silent then`() {
    var registration = registered()
    _ = registration.topicsChanged()
    var actions = registration.stop()
    #expect(actions == [.unregister(nameServer: one)])
    actions = registration.registered(nameServer: one, Answer(), now: second(1))
    #expect(actions == [])
    actions = registration.topicsChanged() + registration.tick(now: second(99)) + registration.stop()
    #expect(actions == [])
  }

  @Test func `answers nobody waits for change nothing`() {
    var registration = registered()
    var actions = registration.registered(nameServer: one, Answer(masterAddress: "x"), now: second(1))
    #expect(actions == [])
    actions = registration.compared(nameServer: one, isChanged: true, now: second(1))
    #expect(actions == [])
    actions = registration.failed(nameServer: one, now: second(1))
    #expect(actions == [])
    #expect(registration.nextDue == second(10))
  }
}
