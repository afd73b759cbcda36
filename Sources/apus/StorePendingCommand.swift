import ApusCommandLine
import ApusBase
import ApusBroker
import ApusStoreCore
import ApusSystem

/// `apus store pending`: a line for each message that waits for its delivery, with what RocketMQ 4.9.8 would do with
/// it, then a summary. Ends with 1 when there are some that it would not deliver, or not when they are due.
///
/// What was cancelled waits no more and is not listed.
enum StorePendingCommand {
  static func run(_ store: ClosedStore, _ arguments: Arguments) throws(CommandFailure) {
    let isJSON = arguments.has("json")
    let counts = try list(store, arguments, now: SystemClock.wall()) { item in
      ToolOutput.show((isJSON ? json(of: item).text() : text(of: item)) + "\n")
    }
    let summary =
      isJSON
      ? JSONValue(members: [
        "timed": JSONValue(Int64(counts.timed)), "delayed": JSONValue(Int64(counts.delayed)),
        "notForJava": JSONValue(Int64(counts.notForJava)),
      ]).text()
      : "\(counts.timed) messages wait for a time of their own, \(counts.delayed) in delay levels"
    ToolOutput.show(summary + "\n")
    if counts.notForJava > 0 {
      throw CommandFailure(
        .failure, "RocketMQ 4.9.8 would not deliver \(counts.notForJava) of them when they are due")
    }
  }

  /// Calls `show` with everything that waits. The store is opened as a broker does, which ends what a kill left undone:
  /// for that the delay levels have to be known.
  static func list(
    _ store: ClosedStore, _ arguments: Arguments, now: WallTime, show: (PendingMessages.Item) -> Void
  ) throws(CommandFailure) -> PendingMessages.Counts {
    let isOpen: Bool
    do throws(DiskError) {
      isOpen = try store.disk.list(store.root).contains { $0.name == "abort" }
    } catch {
      throw store.failure(error)
    }
    guard !isOpen || arguments.text("delay-levels") != nil else {
      throw arguments.failure(
        "the store was not closed in order: start and stop its broker, or say --delay-levels (messageDelayLevel)")
    }
    store.unlock()
    do throws(BrokerError) {
      return try PendingMessages.list(store.settings, on: store.disk, now: now, show)
    } catch {
      throw CommandFailure(error.isStoreInUse ? .storeInUse : .disk, "the store \(store.root): \(error)")
    }
  }

  private static func text(of item: PendingMessages.Item) -> String {
    let kind = item.level.map { "level \($0)" } ?? "exact"
    let key = item.key.isEmpty ? "" : " key=\(item.key)"
    let fault = item.atJava.reason.map { ": \($0)" } ?? ""
    return "\(kind) due=\(LocalTime(item.due).iso) topic=\(item.topic) queue=\(item.queueID)\(key) "
      + "offset=\(item.offset)\(fault)"
  }

  private static func json(of item: PendingMessages.Item) -> JSONValue {
    var members = [JSONMember("due", JSONValue(item.due.milliseconds))]
    if let level = item.level { members.append(JSONMember("level", JSONValue(Int64(level)))) }
    members += [
      JSONMember("topic", .string(item.topic)), JSONMember("queue", JSONValue(item.queueID)),
      JSONMember("key", .string(item.key)), JSONMember("offset", JSONValue(item.offset.rawValue)),
      JSONMember("java", .string(item.atJava.rawValue)),
    ]
    return .object(members)
  }
}
