package import ApusBase

/// Light queues: topics named `%LMQ%…` with the one queue 0 and without settings. A message that names some in
/// INNER_MULTI_DISPATCH is stored once and found in each of them besides its own queue; INNER_MULTI_QUEUE_OFFSET, which
/// the broker writes, holds its place in each, in the same order, so that recovery finds them again
/// (apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/MultiDispatch.java).
///
/// Deviation from Java: messages that wait (delayed ones and half messages) are found in light queues when they are
/// delivered, not also while they wait; and only light queues can be named.
package enum LightQueues {
  /// The number of the queue that a light topic has.
  package static let queueID: Int32 = 0

  /// Why a list of light queues is refused.
  package enum Fault: Error, Hashable, Sendable {
    /// It names something else.
    case notLight(String)
    /// A name could not be a topic's.
    case name(String, NameFault)
    /// It names a queue twice.
    case repeated(String)

    /// What the sender is told.
    package var remark: String {
      switch self {
      case .notLight(let name):
        "INNER_MULTI_DISPATCH names \(name), which is no light queue: their names begin with %LMQ%"
      case .name(let name, let fault): "INNER_MULTI_DISPATCH names \(name): \(TopicName.remark(fault))"
      case .repeated(let name): "INNER_MULTI_DISPATCH names \(name) twice"
      }
    }
  }

  /// Whether a topic's or a group's name is a light one.
  package static func isLight(_ name: String) -> Bool { name.utf8.starts(with: SystemTopics.lightQueuePrefix.utf8) }

  /// The names in a value of INNER_MULTI_DISPATCH, which commas separate.
  package static func names(_ value: RawSpan) throws(Fault) -> [String] {
    var names: [String] = []
    var known: Set<String> = []
    for name in value.text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      guard isLight(name) else { throw .notLight(name) }
      do throws(NameFault) {
        try TopicName.validate(name)
      } catch {
        throw .name(name, error)
      }
      guard known.insert(name).inserted else { throw .repeated(name) }
      names.append(name)
    }
    return names
  }

  /// The light queues that a message about to be stored goes to; nil when there are none. Messages of the broker's own
  /// topics, retries and dead letters go to none: they wait, or were there before.
  package static func names(of draft: borrowing RecordDraft) -> [String]? {
    guard draft.sysFlag.takesQueueOffset,
      let value = MessageProperties(draft.properties).value(of: PropertyName.lightQueues),
      !draft.topic.starts(with: "%RETRY%"), !draft.topic.starts(with: "%DLQ%"),
      !SystemTopics.closedToProducers.contains(draft.topic.text)
    else { return nil }
    do throws(Fault) {
      return try names(value)
    } catch {
      // Sends are checked before: this is what another broker let wait.
      return nil
    }
  }

  /// How many bytes of properties the places in `count` light queues take at most.
  package static func reservedBytes(_ count: Int) -> Int { 26 + 20 * count }

  /// Writes properties with the places in light queues, in the order of their names.
  package static func write(_ properties: RawSpan, places: [Int64], into writer: inout ByteWriter) {
    MessageProperties(properties).write(into: &writer, removing: PropertyName.lightQueueOffsets)
    let text = Array(places.map { "\($0)" }.joined(separator: ",").utf8)
    MessageProperties.append(PropertyName.lightQueueOffsets, text.rawSpan, into: &writer, after: 0)
  }

  /// Where a stored message is in a light queue.
  package struct Place: Hashable, Sendable {
    /// The queue's topic.
    package var name: String
    /// The queue offset.
    package var offset: QueueOffset
  }

  /// Where a stored message is in light queues besides its own queue. What Java stored with other names in the list is
  /// there in those that are light.
  package static func places(of record: borrowing StoredRecord) -> [Place] {
    let properties = record.properties
    guard let offsets = properties.value(of: PropertyName.lightQueueOffsets),
      let named = properties.value(of: PropertyName.lightQueues), !record.topic.starts(with: "%RETRY%")
    else { return [] }
    let names = named.text.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = offsets.text.split(separator: ",", omittingEmptySubsequences: false)
    guard names.count == numbers.count else { return [] }
    let own = record.topic.text
    var places: [Place] = []
    for (name, number) in zip(names, numbers) {
      guard let offset = Int64(number), offset >= 0, isName(String(name)), name != own else { continue }
      places.append(Place(name: String(name), offset: QueueOffset(offset)))
    }
    return places
  }

  private static func isName(_ name: String) -> Bool {
    do throws(NameFault) {
      try TopicName.validate(name)
      return isLight(name)
    } catch {
      return false
    }
  }
}
