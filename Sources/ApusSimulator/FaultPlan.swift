package import ApusBase

/// A kind of call that a ``SimulatedDisk`` can be told to fail.
package enum DiskCall: String, CaseIterable, Hashable, Sendable {
  case list, createDirectory, removeFile, removeDirectory, rename, syncDirectory, open, lock, length, modificationTime
  case setLength, allocate, read, write, sync, map, populate, flush, space
}

/// How a machine stops.
package enum CrashKind: String, CaseIterable, Hashable, Sendable {
  /// The process is killed: everything written, through calls or through segments, stays in the page cache.
  case kill
  /// The machine loses power: what no sync covered is there or not, sector by sector and name by name.
  case powerLoss
}

/// What is to go wrong on a ``SimulatedDisk``. Occurrences count from 1 and from the moment the plan was set.
package struct FaultPlan: Hashable, Sendable {
  /// One failing call.
  package struct Failure: Hashable, Sendable {
    /// The kind of call that fails.
    package var call: DiskCall
    /// Which call of that kind is the first to fail, from 1.
    package var occurrence: Int
    /// How many in a row fail.
    package var repeats: Int
    /// What it fails with.
    package var code: DiskError.Code

    /// Describes a failing call.
    package init(_ call: DiskCall, occurrence: Int, repeats: Int = 1, code: DiskError.Code) {
      self.call = call
      self.occurrence = occurrence
      self.repeats = repeats
      self.code = code
    }

    /// Whether the `count`-th call fails.
    func covers(_ count: Int) -> Bool { count >= occurrence && count - occurrence < repeats }
  }

  /// The calls that fail.
  package var failures: [Failure]
  /// At which call the machine stops, of any kind or of the one told.
  package var crashAtCall: Int?
  /// The kind of call that is counted for that; nil for all.
  package var crashCall: DiskCall?
  /// How it stops then.
  package var crashKind: CrashKind

  /// Describes what goes wrong; by default nothing does.
  package init(
    failures: [Failure] = [], crashAtCall: Int? = nil, of crashCall: DiskCall? = nil,
    crashKind: CrashKind = .powerLoss
  ) {
    self.failures = failures
    self.crashAtCall = crashAtCall
    self.crashCall = crashCall
    self.crashKind = crashKind
  }

  /// Whether the machine stops at a call, the `count`-th of its kind and the `total`-th of all.
  func crashes(at call: DiskCall, count: Int, total: Int) -> Bool {
    guard let crashCall else { return total == crashAtCall }
    return call == crashCall && count == crashAtCall
  }
}

/// Linux error numbers that the simulated disk answers with.
package enum ErrorNumber {
  /// EIO: the device failed.
  package static let inputOutput: Int32 = 5
  /// EBADF: the handle is not open.
  package static let badDescriptor: Int32 = 9
  /// EINVAL: an argument makes no sense for the file.
  package static let invalid: Int32 = 22
  /// The machine has stopped. Not a number of Linux's: no real call returns it.
  package static let crashed: Int32 = -1
}
