import ApusBase
package import ApusBrokerCore
package import ApusProtocol
package import ApusSystem

/// Code 308: the smallest offset that any group has in each queue of a topic; offsets before the queue's beginning do
/// not count. Where the compared group is before that, the largest number of 64 bits stands.
///
/// Deviations from Java: the groups of `filterGroups` are passed over; Java deletes their offsets in all topics on the
/// way. A queue in which only offsets that do not count are known is left out, where Java fails.
package struct QueryCorrectionOffsetHandler: RequestHandler {
  private let offsets: Locked<ConsumerOffsets>
  private let messages: any StoredMessages

  /// Takes its parts.
  package init(offsets: Locked<ConsumerOffsets>, messages: any StoredMessages) {
    self.offsets = offsets
    self.messages = messages
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    let topic = try request.text("topic")
    let compared = try request.text("compareGroup")
    let excluded = Set((request["filterGroups"] ?? "").split(separator: ",").map(String.init))
    let (all, own) = offsets.withLock { offsets in
      let groups = offsets.groups(ofTopic: topic).filter { !excluded.contains($0) }
      return (groups.map { offsets.offsets(topic: topic, group: $0) }, offsets.offsets(topic: topic, group: compared))
    }
    var smallest: [Int32: Int64] = [:]
    var minimum: [Int32: Int64] = [:]
    do throws(DiskError) {
      for queue in Set(all.flatMap(\.keys)) {
        minimum[queue] = try messages.bounds(topic: topic, queue: queue)?.min.rawValue ?? 0
      }
    } catch {
      throw Refusals.disk(error)
    }
    for (queue, offset) in all.flatMap({ $0 }) where offset >= minimum[queue] ?? 0 {
      smallest[queue] = min(smallest[queue] ?? offset, offset)
    }
    for (queue, offset) in own {
      if let least = smallest[queue], least > offset { smallest[queue] = .max }
    }
    return Reply(body: CorrectionOffsets(smallest).bytes())
  }
}
