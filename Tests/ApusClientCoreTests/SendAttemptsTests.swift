import ApusBase
import ApusProtocol
import Testing

@testable import ApusClientCore

@Suite struct SendAttemptsTests {
  private let start = MonotonicTime(nanoseconds: 0)

  private func attempts(retriesUnsafe: Bool = false) -> SendAttempts {
    SendAttempts(retryCount: 2, retriesUnsafe: retriesUnsafe, deadline: start + .seconds(3))
  }

  /// Whether a send goes on after its first try came to this.
  private func goesOn(_ outcome: SendAttempts.Outcome, retriesUnsafe: Bool = false) -> Bool {
    var attempts = attempts(retriesUnsafe: retriesUnsafe)
    _ = attempts.next(now: start)
    return attempts.failed(outcome, broker: "a")
  }

  @Test func `a send is tried three times within its time`() {
    var attempts = attempts()
    var begins: [Bool] = []
    var goesOn: [Bool] = []
    for (second, broker) in ["a", "b", "c"].enumerated() {
      begins.append(attempts.next(now: start + .seconds(second)))
      goesOn.append(attempts.failed(.unanswered, broker: broker))
      #expect(attempts.lastBroker == broker)
    }
    begins.append(attempts.next(now: start + .seconds(2)))
    #expect(begins == [true, true, true, false])
    #expect(goesOn == [true, true, false])
  }

  @Test func `as many tries as there can be are as many as the time allows`() {
    var attempts = SendAttempts(retryCount: .max, retriesUnsafe: false, deadline: start + .seconds(3))
    for _ in 0..<100 {
      let begins = attempts.next(now: start)
      let goesOn = attempts.failed(.unanswered, broker: "a")
      #expect(begins && goesOn)
    }
    let beginsLate = attempts.next(now: start + .seconds(3))
    #expect(!beginsLate)
  }

  @Test func `no try begins after the deadline`() {
    var attempts = attempts()
    let begins = attempts.next(now: start + .seconds(3))
    #expect(!begins)
  }

  @Test(arguments: [17, 14, 1, 16, 204, 205] as [Int32])
  func `another broker may take what one refused with this code`(code: Int32) {
    #expect(goesOn(.refused(ResponseCode(code))))
  }

  @Test(arguments: [2, 13, 3, 24] as [Int32])
  func `other refusals are final`(code: Int32) { #expect(!goesOn(.refused(ResponseCode(code)))) }

  @Test func `a message that is stored but not safe is sent again only when asked`() {
    #expect(!goesOn(.unsafe))
    #expect(goesOn(.unsafe, retriesUnsafe: true))
  }
}
