package import ApusBase
import ApusStoreCore

/// Brings what was appended to the device: only the range that is dirty.
package struct FlushPlan: Sendable {
  /// The end of the range: when the plan succeeds, everything before it is durable.
  package let upTo: PhysicalOffset
  let pieces: [Piece]
  let last: CommitLog.LastRecord?

  struct Piece: Sendable {
    var mapping: Mapping
    var range: Range<Int>
  }

  /// Does it; returns the error when it fails. Blocks.
  package func run(on disk: any Disk) -> DiskError? {
    for piece in pieces {
      do {
        try disk.flush(piece.mapping.segment, piece.range)
      } catch {
        return error
      }
    }
    return nil
  }
}

extension MessageStore {
  /// A flush of everything appended so far; nil when there is nothing to flush, a flush is under way, or one has
  /// failed.
  package func planFlush() -> FlushPlan? {
    let marks = log.marks
    guard marks.flushed < marks.appended, !flushing, failure == nil else { return nil }
    var pieces: [FlushPlan.Piece] = []
    for file in log.segments.files where file.end > marks.flushed && file.start < marks.appended {
      guard let mapping = file.mapping else { preconditionFailure("a file with unflushed records is not mapped") }
      let start = max(marks.flushed, file.start) - file.start
      // A file that was left is flushed to its end, blank included.
      let end = min(marks.appended, file.end) - file.start
      pieces.append(FlushPlan.Piece(mapping: mapping, range: start..<(file === log.tail ? end : file.capacity)))
    }
    flushing = true
    return FlushPlan(upTo: marks.appended, pieces: pieces, last: log.last)
  }

  /// Moves the flushed mark, or after an error ends the store's acceptance for good: what a failed flush left in memory
  /// can never be known to be durable.
  package func finish(_ plan: FlushPlan, _ error: DiskError?) {
    flushing = false
    if let error {
      fail(error)
    } else {
      log.marks.flush(to: plan.upTo)
      log.lastFlushed = plan.last
    }
  }
}
