import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 12: the records of a topic that the index has under a key. Different keys may share an entry: the asker
/// compares them. Unlike by Java, those of other topics are left out.
package struct QueryMessageHandler: RequestHandler {
  private let topics: Locked<Topics>
  private let settings: Locked<BrokerSettings>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(topics: Locked<Topics>, settings: Locked<BrokerSettings>, messages: any StoredMessages) {
    self.topics = topics
    self.settings = settings
    self.messages = messages
  }

  /// Answers; nothing found is code 22.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let serving = settings.withLock { $0.serving }
    var limit: Int32 = try request.number("maxNum")
    if request.flag("_UNIQUE_KEY_QUERY") { limit = Int32(serving.queryByUniqueKeyLimit) }
    let query = IndexQuery(
      topic: try request.text("topic"), key: try request.text("key"), limit: min(Int(limit), serving.queryLimit),
      from: WallTime(milliseconds: try request.number("beginTimestamp")),
      to: WallTime(milliseconds: try request.number("endTimestamp")))
    var answer = IndexAnswer()
    if query.limit > 0, topics.withLock({ $0.find(query.topic) }) != nil {
      do throws(DiskError) {
        answer = try messages.query(query)
      } catch {
        throw Refusals.disk(error)
      }
    }
    guard answer.count > 0 else {
      return Reply(
        .queryNotFound, remark: "can not find message, maybe time range not correct", fields: Self.fields(0, 0))
    }
    return Reply(
      fields: Self.fields(answer.indexedUpTo.rawValue, answer.indexedUntil.milliseconds), body: answer.records)
  }

  private static func fields(_ offset: Int64, _ time: Int64) -> [ReplyField] {
    [ReplyField("indexLastUpdatePhyoffset", offset), ReplyField("indexLastUpdateTimestamp", time)]
  }
}
