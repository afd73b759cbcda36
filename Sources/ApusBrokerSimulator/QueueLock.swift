import ApusBase

/// The lock of a queue as its holder knows it.
struct QueueLock {
  /// How long the holder relies on it.
  private static let trust = Duration.seconds(30)
  /// How long the broker keeps it.
  static let lease = Duration.seconds(60)

  /// When it was asked for.
  var asked: MonotonicTime
  /// Which start of the broker gave it: the next one knows nothing of it.
  var start: Int

  /// Until when the holder consumes.
  var trustEnd: MonotonicTime { asked + Self.trust }
  /// Until when nobody else can have it.
  var leaseEnd: MonotonicTime { asked + Self.lease }
}
