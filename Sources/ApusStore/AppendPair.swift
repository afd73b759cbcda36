package import ApusBase
package import ApusModel
import ApusStoreCore

/// What became of an append of two messages.
package enum PairOutcome: Hashable, Sendable {
  /// Both are in the log, side by side.
  case appended(Appended, Appended)
  /// Neither was written: try again later, as after ``AppendOutcome/notYet``.
  case notYet
  /// The store does not take them: neither was written.
  case refused(StoreRefusal)
}

extension MessageStore {
  /// Writes two messages, the second right behind the first and both in one file, so that only a crash between the two
  /// writes can leave the first alone, and then as the last record of the log.
  package func append(
    _ first: borrowing RecordDraft, to firstQueue: ConsumeQueue, with second: borrowing RecordDraft,
    to secondQueue: ConsumeQueue, now: WallTime
  ) -> PairOutcome {
    if let refusal { return .refused(refusal) }
    var hold = deletionHold(of: first, to: firstQueue)
    if hold == nil { hold = deletionHold(of: second, to: secondQueue) }
    if let hold { return hold == .recording ? .notYet : .refused(.deletionUnrecorded) }
    guard let light = lightBytes(first), let moreLight = lightBytes(second) else { return .refused(.tooLarge) }
    switch log.place(first.recordBytes + second.recordBytes + light + moreLight) {
    case .ready: break
    case .needsSegment: return .notYet
    case .tooLarge: return .refused(.tooLarge)
    }
    guard case .appended(let one) = append(first, to: firstQueue, now: now),
      case .appended(let two) = append(second, to: secondQueue, now: now)
    else { preconditionFailure("a record did not fit where room was made for it") }
    return .appended(one, two)
  }

  /// Where the last record of the log begins; nil when nothing was written or recovered.
  package var lastRecord: PhysicalOffset? { log.last?.offset }
}
