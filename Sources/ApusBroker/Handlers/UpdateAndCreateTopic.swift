import ApusBase
package import ApusBrokerCore
import ApusModel
package import ApusProtocol
package import ApusSystem

/// Code 17: makes or changes a topic and, when `topics.json` holds it, has it registered.
///
/// Deviation from Java: queue numbers and permission bits that cannot be are refused.
package struct UpdateAndCreateTopicHandler: ChangingHandler {
  private let topics: Locked<Topics>
  private let listener: any TopicListener
  private let changes: ChangeLog

  /// Takes its parts.
  package init(topics: Locked<Topics>, listener: any TopicListener, changes: ChangeLog) {
    self.topics = topics
    self.listener = listener
    self.changes = changes
  }

  /// Makes the change. The remark of a success is Java's.
  package func change(_ request: Command, from requester: Requester) throws(Refusal) -> ConfigChange {
    let name = try request.text("topic")
    try TopicChecks.changeable(name, topics)
    var topic = TopicConfig(name: name)
    topic.readQueueCount = try queueCount(request, "readQueueNums")
    topic.writeQueueCount = try queueCount(request, "writeQueueNums")
    let permission: Int32 = try request.number("perm")
    guard (0...15).contains(permission) else {
      throw Refusal(.systemError, "the field perm is \(permission) but must be from 0 to 15")
    }
    topic.permission = Permission(rawValue: permission)
    topic.filter = request["topicFilterType"].flatMap { TopicFilter(name: $0) } ?? .singleTag
    if request["topicSysFlag"] != nil { topic.systemFlag = try request.number("topicSysFlag") }
    let (before, updated) = topics.withLock { topics in
      let before = topics.find(name)
      return (before, topics.update(topic, now: SystemClock.wall()))
    }
    changes.topicSet(updated, from: before, by: requester)
    return ConfigChange(in: .topics, reply: Reply(remark: "not set any response code")) { [listener] in
      listener.topicSaved(updated)
    }
  }

  private func queueCount(_ request: Command, _ field: String) throws(Refusal) -> Int32 {
    let count: Int32 = try request.number(field)
    guard (0...Topics.queueLimit).contains(count) else {
      throw Refusal(.systemError, "the field \(field) is \(count) but must be from 0 to \(Topics.queueLimit)")
    }
    return count
  }
}

/// What is checked of a topic's name before the topic is changed.
enum TopicChecks {
  /// Throws Java's refusals for a name that cannot be one and for a topic of the broker's own.
  static func changeable(_ name: String, _ topics: Locked<Topics>) throws(Refusal) {
    try TopicName.check(name)
    guard !topics.withLock({ $0.isSystem(name) }) else {
      throw Refusal(.systemError, "The topic[\(name)] is conflict with system topic.")
    }
  }
}
