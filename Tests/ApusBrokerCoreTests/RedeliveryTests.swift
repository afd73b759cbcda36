import ApusModel
import ApusBrokerCore
import Testing

@Suite struct RedeliveryTests {
  @Test(arguments: [(0, 3), (1, 4), (15, 18), (40, 43)] as [(Int32, Int64)])
  func `without a wish the level grows with the tries`(_ times: Int32, _ level: Int64) {
    #expect(Redelivery(delayLevel: 0, reconsumeTimes: times, limit: 100) == .retry(level: level))
  }

  @Test func `a wish is followed`() {
    #expect(Redelivery(delayLevel: 1, reconsumeTimes: 7, limit: 16) == .retry(level: 1))
  }

  @Test func `after the last try a message is dead, whatever is wished`() {
    #expect(Redelivery(delayLevel: 0, reconsumeTimes: 15, limit: 16) == .retry(level: 18))
    for level in [-1, 0, 5] as [Int32] {
      #expect(Redelivery(delayLevel: level, reconsumeTimes: 16, limit: 16) == .dead(.triedTooOften))
    }
  }

  @Test func `a negative wish gives the message up`() {
    #expect(Redelivery(delayLevel: -1, reconsumeTimes: 0, limit: 16) == .dead(.givenUp))
  }

  @Test func `hostile numbers do no harm`() {
    for times in [-2, -3, .min] as [Int32] {
      #expect(Redelivery(delayLevel: 0, reconsumeTimes: times, limit: .max) == .retry(level: 1))
    }
    #expect(Redelivery(delayLevel: 0, reconsumeTimes: .max, limit: .max) == .dead(.triedTooOften))
  }
}
