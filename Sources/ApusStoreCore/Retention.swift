package import ApusBase

/// Which segments of the commit log are removed and when the disk counts as full: RocketMQ's rules, without a clock or
/// a disk.
///
/// A run removes the oldest segments that were last written to longer ago than ``Settings/reservedTime``, when one of
/// these holds: the local hour is one of ``Settings/deletionHours``, the disk is fuller than ``Settings/maxUsedRatio``,
/// or an administrator asked for it. When the disk is fuller than ``Settings/forcedRatio`` it removes them whatever
/// their age. A run removes at most ``Settings/segmentsPerRun``, only from the front, and never the newest segment.
///
/// Source: apache/rocketmq@rocketmq-all-4.9.8:store/src/main/java/org/apache/rocketmq/store/DefaultMessageStore.java
/// (`CleanCommitLogService`), store/src/main/java/org/apache/rocketmq/store/MappedFileQueue.java
/// (`deleteExpiredFileByTime`)
package struct Retention: Hashable, Sendable {
  /// The numbers of the rules.
  package struct Settings: Hashable, Sendable {
    /// Local hours, 0…23, in which segments are removed: `deleteWhen`.
    package var deletionHours: Set<Int> = [4]
    /// For how long a segment is kept after it was last written to: `fileReservedTime`.
    package var reservedTime: Duration = .seconds(72 * 3600)
    /// The used share of the disk over which segments that are old enough are removed at any hour:
    /// `diskMaxUsedSpaceRatio`.
    package var maxUsedRatio = 0.75
    /// The used share over which segments are removed whatever their age; the disk stops counting as full at or below
    /// it.
    package var forcedRatio = 0.85
    /// The used share over which the disk counts as full, and sends are refused.
    package var warningRatio = 0.90
    /// Whether segments may be removed whatever their age: `cleanFileForciblyEnable`.
    package var forcedEnabled = true
    /// How many segments a run removes at most.
    package var segmentsPerRun = 10

    /// RocketMQ's defaults.
    package init() {}

    /// The hours that `deleteWhen` names, separated by `;`; nil when one is not a number of 0…23.
    package static func hours(_ deleteWhen: String) -> Set<Int>? {
      var hours: Set<Int> = []
      for part in deleteWhen.split(separator: ";") {
        guard let hour = Int(part.filter { $0 != " " }), (0...23).contains(hour) else { return nil }
        hours.insert(hour)
      }
      return hours
    }

    /// The share that `diskMaxUsedSpaceRatio` stands for: a percentage, held within 10…95.
    package static func ratio(percent: Int) -> Double { Double(min(95, max(10, percent))) / 100 }
  }

  /// Why a run removes segments.
  package enum Reason: Hashable, Sendable {
    /// An administrator asked for it.
    case request
    /// It is the hour for it.
    case hour
    /// The disk is fuller than it should be.
    case space
    /// The disk is so full that age does not count.
    case force
  }

  /// What a run has to do.
  package struct Plan: Hashable, Sendable {
    /// How many of the oldest segments to remove.
    package var segmentCount: Int
    /// Why; nil when nothing calls for a removal.
    package var reason: Reason?
    /// Whether sends are refused because the disk is full.
    package var isDiskFull: Bool
  }

  /// The numbers of the rules.
  package var settings: Settings
  /// Whether sends are refused because the disk is full.
  package private(set) var isDiskFull = false
  private var requestedRuns = 0

  /// Starts with a disk that is not full.
  package init(settings: Settings) { self.settings = settings }

  /// Lets the next `runs` runs remove what is old enough at any hour. RocketMQ asks for 20 (request code 329).
  package mutating func request(runs: Int = 20) { requestedRuns = max(0, runs) }

  /// Decides what one run does.
  ///
  /// - Parameters:
  ///   - localHour: the hour of the local time, 0…23.
  ///   - modified: when each segment was last written to, oldest segment first.
  ///   - usedRatio: the used share of the file system, the larger one when log and queues lie on two; nil when it is
  ///     not known, which counts as too full for old segments but changes nothing else.
  package mutating func run(now: WallTime, localHour: Int, modified: [WallTime], usedRatio: Double?) -> Plan {
    var isForced = false
    var isSpace = true
    if let usedRatio {
      if usedRatio > settings.warningRatio { isDiskFull = true }
      if usedRatio <= settings.forcedRatio { isDiskFull = false }
      isForced = settings.forcedEnabled && usedRatio > settings.forcedRatio
      isSpace = usedRatio > settings.maxUsedRatio || usedRatio > settings.forcedRatio
    }
    var reason: Reason?
    if requestedRuns > 0 {
      requestedRuns -= 1
      reason = .request
    }
    if settings.deletionHours.contains(localHour) { reason = .hour }
    if isSpace { reason = .space }
    if isForced { reason = .force }
    guard reason != nil else { return Plan(segmentCount: 0, reason: nil, isDiskFull: isDiskFull) }
    let count = modified.dropLast().prefix(settings.segmentsPerRun).prefix {
      isForced || hasExpired($0, now: now)
    }.count
    return Plan(segmentCount: count, reason: reason, isDiskFull: isDiskFull)
  }

  /// Whether a segment that was last written to at `modified` is old enough to be removed.
  package func hasExpired(_ modified: WallTime, now: WallTime) -> Bool {
    now >= modified.advanced(byMilliseconds: settings.reservedTime.milliseconds)
  }
}
