import ApusBase
import ApusModel

/// When a send is taken for a repetition: `dedupWindowMillis` and `dedupTopics`.
package struct DuplicateRules: Hashable, Sendable {
  /// Which topics are looked after.
  package enum Topics: Hashable, Sendable {
    /// All but retry and dead-letter topics.
    case all
    /// These.
    case named(Set<String>)

    /// Reads names separated by semicolons; `*` stands for all.
    init(_ text: String) {
      let names = text.split(separator: ";").map { String($0).filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
      self = names.contains("*") ? .all : .named(Set(names))
    }
  }

  /// For how long a message is remembered; zero for never.
  package var window: Duration = .zero
  /// For which topics.
  package var topics: Topics = .all

  /// Whether sends are looked at.
  package var isOn: Bool { window > .zero }

  /// A message that was stored before this is forgotten.
  func begin(_ now: WallTime) -> WallTime { WallTime(milliseconds: now.milliseconds - window.nanoseconds / 1_000_000) }

  /// Whether a topic is looked after. Messages that consumers give back and dead letters never are: the same message is
  /// stored there time and again.
  func covers(_ topic: String) -> Bool {
    guard isOn, !topic.hasPrefix(SystemTopics.retryPrefix), !topic.hasPrefix(SystemTopics.deadLetterPrefix) else {
      return false
    }
    switch topics {
    case .all: return true
    case .named(let names): return names.contains(topic)
    }
  }
}
