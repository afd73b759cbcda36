import ApusBase
import Foundation
import Testing

@testable import ApusBrokerCore

@Suite struct SubscriptionTests {
  @Test func `reads expressions as the Java client does`() throws {
    let rows = try Fixture.text("subscriptions/subscriptions.tsv").split(separator: "\n").map {
      $0.split(separator: "\t")
    }
    #expect(rows.count == 8)
    for row in rows {
      let values = try row[1...].map { try JSONParser.parse(String($0)) }
      let expression = try #require(values[0].text)
      let subscription = try #require(Subscription(tagExpression: expression))
      #expect(subscription.expression == values[1].text)
      #expect(Set(subscription.tags) == Set(values[2].texts ?? ["not a list"]))
      #expect(subscription.tagHashes == values[3].elements?.compactMap(\.int32).sorted())
    }
  }

  @Test(arguments: ["||", "||||", "|| ||"])
  func `refuses what Java cannot split, and nothing else`(expression: String) {
    #expect((Subscription(tagExpression: expression) == nil) == !expression.contains(" "))
  }

  @Test func `an expression of blanks matches nothing`() throws {
    let subscription = try #require(Subscription(tagExpression: "  "))
    #expect(!subscription.isWildcard)
    #expect(!subscription.matches(tagsCode: 0))
  }

  @Test(arguments: [1, 8, 9, 300])
  func `matches its own tags and no others`(count: Int) throws {
    let tags = (0..<count).map { "tag\($0)" }
    let subscription = try #require(Subscription(tagExpression: tags.joined(separator: "||")))
    for tag in tags { #expect(subscription.matches(tagsCode: Int64(JavaHash.hash(tag)))) }
    #expect(!subscription.matches(tagsCode: Int64(JavaHash.hash("other"))))
    #expect(!subscription.matches(tagsCode: 0))
  }

  @Test func `compares the low half of a queue entry's code`() throws {
    let subscription = try #require(Subscription(tagExpression: "a"))
    #expect(subscription.matches(tagsCode: Int64(97) | 5 << 32))
    #expect(Subscription.all.matches(tagsCode: -1))
  }

  @Test func `a cache gives the same subscription for the same bytes and stays small`() throws {
    var cache = SubscriptionCache(limit: 4)
    func look(_ text: String) -> Subscription? { cache.subscription(for: Array(text.utf8).rawSpan) }
    let first = try #require(look("a || b"))
    #expect(look("a || b") === first)
    for number in 0..<10 { _ = look("t\(number)") }
    #expect(look("a || b") !== first)
    #expect(look("||") == nil)
    let long = String(repeating: "x", count: 100_000)
    #expect(look(long) !== look(long))
  }
}
