import ApusBase
import ApusCommandLine
import ApusModel
import ApusSystem

/// `DecodeMessageId`: what the id that a producer gave a message says.
struct DecodeMessageIDCommand: AdminCommand {
  static let description = admin(
    "DecodeMessageId", "Say what a producer's message id contains.",
    options: [Option("messageId", "i", value: "ID", required: true, help: "The producer's id (msgId).")])

  private let key: UniqueKey

  init(_ arguments: Arguments) throws(CommandFailure) {
    let text = try arguments.required("messageId")
    do throws(DecodeError) {
      key = try UniqueKey(Array(text.utf8).rawSpan)
    } catch {
      throw arguments.failure("option '--messageId': '\(text)' is no id that a producer gives: \(error)")
    }
  }

  func run(_ session: AdminSession) {
    let time = Self.time(of: key, now: SystemClock.wall())
    let host = "\(key.host)".split(separator: ":").dropLast().joined(separator: ":")
    session.say(
      "ip=\(host)date=\(time.optionText)",
      [
        "ip": .text(host), "timestamp": Cell(time.milliseconds), "processId": Cell(key.processID),
        "counter": Cell(key.counter),
      ])
  }

  /// The id holds the time since the start of its month: of this one, or the last one when that would be to come.
  static func time(of key: UniqueKey, now: WallTime) -> WallTime {
    let local = LocalTime(now)
    let thisMonth = LocalTime.moment(year: local.year, month: local.month, day: 1)
      .advanced(byMilliseconds: Int64(key.sinceMonthStart))
    guard thisMonth > now else { return thisMonth }
    let (year, month) = local.month == 1 ? (local.year - 1, 12) : (local.year, local.month - 1)
    return LocalTime.moment(year: year, month: month, day: 1).advanced(byMilliseconds: Int64(key.sinceMonthStart))
  }
}
