import Glibc

/// This program once more, as a process of its own: what traps there leaves this one alone.
enum ChildProcess {
  /// How a process ended.
  enum End {
    /// By itself, with this status.
    case status(Int32)
    /// By a signal.
    case signal(Int32)
    /// It could not be started.
    case notStarted(String)
  }

  /// The processor time that a run may take, in seconds: far more than it needs.
  private static let processorSeconds: UInt = 120
  /// The memory that a run may ask for, in bytes.
  private static let memoryBytes: UInt = 4 << 30

  /// Runs this program with other arguments and waits for its end.
  static func run(_ arguments: [String]) -> End {
    var list = unsafe (["apus-fuzz"] + arguments).map { unsafe strdup($0) } + [nil]
    defer { unsafe list.forEach { unsafe free($0) } }
    var process: pid_t = 0
    let error = unsafe posix_spawn(&process, "/proc/self/exe", nil, nil, &list, environ)
    guard error == 0 else { return .notStarted("errno \(error)") }
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0 {
      guard errno == EINTR else { return .notStarted("errno \(errno)") }
    }
    let signal = status & 0x7F
    return signal == 0 ? .status(status >> 8 & 0xFF) : .signal(signal)
  }

  /// Holds this process to a processor time and a memory, so that what neither ends nor stops growing is found. A
  /// process that ends as expected does so `quietly`, without a trace of where it was.
  static func limitResources(quietly: Bool) {
    var time = rlimit(rlim_cur: processorSeconds, rlim_max: processorSeconds + 5)
    var memory = rlimit(rlim_cur: memoryBytes, rlim_max: memoryBytes)
    var core = rlimit(rlim_cur: 0, rlim_max: 0)
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &time)
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &memory)
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &core)
    if quietly {
      let nowhere = unsafe open("/dev/null", O_WRONLY)
      if nowhere >= 0 { dup2(nowhere, STDERR_FILENO) }
    }
  }

  /// How much processor time this process has used.
  static var processorMilliseconds: Int {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}
