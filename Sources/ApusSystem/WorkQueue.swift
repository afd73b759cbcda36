import ApusBase

/// Pieces of work that wait for a few threads.
///
/// They are begun in turns by where they come from, so that a connection that asks for much does not hold up one that
/// asks for little. Each source has a credit, of pieces and of bytes, and there is a limit for all together. Beyond it,
/// or when by the time that pieces took lately a new one would be begun too late, it is refused with how long to wait.
/// A few pieces of each source wait whatever the forecast: so a device that was slow once is measured again.
///
/// The process's own work (source 0) is not what fills the queue: it has the limit for itself, and no forecast.
package struct WorkQueue<Work> {
  /// How much may wait.
  package struct Limits: Hashable, Sendable {
    /// Pieces of all sources but the process's own, and as many of that.
    package var pieces: Int
    /// Bytes that the pieces of all sources hold.
    package var bytes = 256 << 20
    /// Pieces of one source.
    package var piecesOfSource: Int
    /// Bytes that the pieces of one source hold; one piece may be larger.
    package var bytesOfSource = 16 << 20
    /// So many pieces of a source wait whatever the forecast.
    package var freePieces = 16

    /// Limits for this many pieces, a quarter of them for one source.
    package init(pieces: Int) {
      self.pieces = pieces
      piecesOfSource = max(pieces / 4, 1)
    }
  }

  /// What becomes of a piece of work.
  package enum Admission: Hashable, Sendable {
    /// It waits for its turn.
    case accepted
    /// There is too much before it: to be tried again after this time.
    case refused(retryAfter: Duration)
  }

  private struct Piece {
    /// Nil once it was begun: what it holds is not counted any more.
    var work: Work?
    var bytes: Int
  }

  private struct Source {
    var pieces: [Piece] = []
    var head = 0
    var bytes = 0

    var count: Int { pieces.count - head }
  }

  /// The source of the process's own work.
  package static var own: UInt64 { 0 }
  /// The shortest time that a refused caller is told to wait.
  private static var shortestWait: Duration { .milliseconds(10) }

  private let limits: Limits
  private let threads: Int
  private var sources: [UInt64: Source] = [:]
  /// The sources that have work, the next one to be served first.
  private var turns: [UInt64] = []
  private var turn = 0
  private var bytes = 0
  /// How many pieces wait.
  package private(set) var count = 0
  /// What a piece took lately, in nanoseconds; zero before the first.
  private var pieceNanoseconds: Double = 0

  /// An empty queue before this many threads.
  package init(limits: Limits, threads: Int) {
    self.limits = limits
    self.threads = threads
  }

  /// How long a new piece of a source waits until it is begun, by what pieces took lately: those of its own before it,
  /// and for each of these one of every other source.
  package func expectedWait(from source: UInt64) -> Duration {
    let own = sources[source]?.count ?? 0
    let others = (turns.count - turn) - (own > 0 ? 1 : 0)
    let ahead = min(count, own + (own + 1) * others)
    // A forecast of more than an hour is an hour: nobody waits that long.
    return .nanoseconds(Int64(min(Double(ahead) * pieceNanoseconds / Double(threads), 3.6e12)))
  }

  /// A piece of work comes, which holds this many bytes and is to be begun within `limit`.
  package mutating func add(
    _ work: Work, from source: UInt64, bytes size: Int, within limit: Duration
  ) -> Admission {
    let known = sources[source] ?? Source()
    let wait = expectedWait(from: source)
    let isFull: Bool
    if source == Self.own {
      isFull = known.count >= limits.pieces
    } else {
      let pieces = count - (sources[Self.own]?.count ?? 0)
      isFull =
        pieces >= limits.pieces || bytes + size > limits.bytes || known.count >= limits.piecesOfSource
        || (known.count > 0 && known.bytes + size > limits.bytesOfSource)
        || (known.count >= limits.freePieces && wait > limit)
    }
    guard !isFull else { return .refused(retryAfter: max(wait, Self.shortestWait)) }
    if known.count == 0 { turns.append(source) }
    sources[source, default: Source()].pieces.append(Piece(work: work, bytes: size))
    sources[source]?.bytes += size
    bytes += size
    count += 1
    return .accepted
  }

  /// The piece whose turn it is; nil when there is none.
  package mutating func take() -> Work? {
    guard turn < turns.count else { return nil }
    let id = turns[turn]
    turn += 1
    if turn > 64, turn > turns.count / 2 {
      turns.removeFirst(turn)
      turn = 0
    }
    guard var source = sources.removeValue(forKey: id) else { preconditionFailure("a source without work had a turn") }
    let piece = source.pieces[source.head]
    source.pieces[source.head].work = nil
    source.head += 1
    source.bytes -= piece.bytes
    bytes -= piece.bytes
    count -= 1
    guard source.count > 0 else { return piece.work }
    if source.head > 64, source.head > source.pieces.count / 2 {
      source.pieces.removeFirst(source.head)
      source.head = 0
    }
    sources[id] = source
    turns.append(id)
    return piece.work
  }

  /// A piece was done in this time.
  package mutating func ended(after time: Duration) {
    let took = Double(max(time.nanoseconds, 1))
    pieceNanoseconds = pieceNanoseconds == 0 ? took : pieceNanoseconds + (took - pieceNanoseconds) / 8
  }
}
