import ApusBase
import ApusCommandLine
import ApusModel
import ApusProtocol

/// `cloneGroupOffset`: a group begins where another one is.
struct CloneGroupOffsetCommand: AdminCommand {
  static let description = admin(
    "cloneGroupOffset", "Give a group the offsets that another one has in a topic.",
    options: [
      Option("srcGroup", "s", value: "GROUP", required: true, help: "The group that has them."),
      Option("destGroup", "d", value: "GROUP", required: true, help: "The group that gets them."),
      CommonOption.topic(),
      Option(
        "offline", "o", value: "true|false",
        help: "Let the brokers copy them, even for a topic that is not subscribed to."),
    ], destroys: "replace the offsets of the group")

  private let source: String
  private let target: String
  private let topic: String
  private let isOffline: Bool

  init(_ arguments: Arguments) throws(CommandFailure) {
    source = try arguments.required("srcGroup")
    target = try arguments.required("destGroup")
    topic = try arguments.required("topic")
    isOffline = try arguments.bool("offline") ?? false
  }

  func run(_ session: AdminSession) async throws(AdminError) {
    try session.confirm("replace the offsets of the group '\(target)' in the topic '\(topic)'")
    let (masters, failure) = try await session.masters(ofTopic: topic)
    var isKnown = isOffline
    try await session.each(masters) { address throws(AdminError) in
      if try await clone(at: address, session.client) { isKnown = true }
    }
    if let failure { throw failure }
    guard isKnown else { throw AdminError("the group '\(source)' has no offsets of the topic '\(topic)'") }
    session.say(
      "clone group offset success. srcGroup[\(source)], destGroup=[\(target)], topic[\(topic)]",
      ["srcGroup": .text(source), "destGroup": .text(target), "topic": .text(topic), "result": "cloned"])
  }

  /// Copies the offsets of a broker; false when it is not known to have any. Asked about one topic, a broker tells of a
  /// group that never consumed it that it stands at 0, and the other group would begin anew: so all topics are asked
  /// for.
  private func clone(at address: String, _ client: AdminClient) async throws(AdminError) -> Bool {
    guard !isOffline else {
      try await client.cloneOffsets(from: source, to: target, topic: topic, isOffline: true, at: address)
      return true
    }
    let entries = try await client.progress(of: source, topic: nil, at: address).entries
      .filter { $0.queue.topic == topic && $0.consumerOffset.rawValue >= 0 }
    for entry in entries {
      try await client.commit(entry.consumerOffset.rawValue, of: entry.queue, for: target, at: address)
    }
    return !entries.isEmpty
  }
}
