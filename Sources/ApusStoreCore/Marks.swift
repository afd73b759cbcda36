package import ApusBase

/// How far the log has come, in four respects: `appended ≥ flushed` and `appended ≥ confirmed`, each only growing.
/// What queues, index, waiting pulls and delivery may see ends at ``dispatchable``.
package struct Marks: Hashable, Sendable {
  /// Which mark delivery follows.
  package enum Dispatch: Hashable, Sendable {
    /// A lone broker: what is appended.
    case appended
    /// A replicated log: what a majority holds.
    case confirmed
  }

  /// What an acknowledgement waits for.
  package enum Promise: Hashable, Sendable {
    /// In the page cache: survives the process.
    case appended
    /// On this machine's device.
    case flushed
    /// In the page cache here and at a replica.
    case confirmed
    /// On the device here and at a replica.
    case flushedAndConfirmed
  }

  /// The end of the last record.
  package private(set) var appended: PhysicalOffset
  /// Everything before it is on the device.
  package private(set) var flushed: PhysicalOffset
  /// Everything before it is held by replicas.
  package private(set) var confirmed: PhysicalOffset
  /// Which mark delivery follows.
  package let dispatch: Dispatch

  /// Starts with a log that ends at `end`, all of it flushed.
  package init(end: PhysicalOffset, dispatch: Dispatch) {
    appended = end
    flushed = end
    confirmed = end
    self.dispatch = dispatch
  }

  /// Up to where messages may be delivered.
  package var dispatchable: PhysicalOffset {
    switch dispatch {
    case .appended: appended
    case .confirmed: confirmed
    }
  }

  /// Up to where the promise holds: a send is answered when it reaches the end of its record.
  package func acknowledged(_ promise: Promise) -> PhysicalOffset {
    switch promise {
    case .appended: appended
    case .flushed: flushed
    case .confirmed: confirmed
    case .flushedAndConfirmed: min(flushed, confirmed)
    }
  }

  /// A record was written that ends at `end`.
  package mutating func append(to end: PhysicalOffset) {
    precondition(end >= appended, "the log grew backwards")
    appended = end
  }

  /// Everything before `end` is on the device.
  package mutating func flush(to end: PhysicalOffset) {
    precondition(end <= appended, "flushed beyond what was appended")
    flushed = max(flushed, end)
  }

  /// Everything before `end` is held by replicas. A replica may hold more than is here.
  package mutating func confirm(to end: PhysicalOffset) { confirmed = max(confirmed, min(end, appended)) }
}
