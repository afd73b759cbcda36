import CPosix
import Glibc
import Synchronization

/// A thread of the operating system with a name. One that nobody joined when its last reference goes ends by itself.
package final class Thread: Sendable {
  private let handle: pthread_t
  private let isJoined = Atomic(false)

  private init(handle: pthread_t) { self.handle = handle }

  /// What a starting thread needs; handed over through a C pointer.
  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts a thread that runs `body` and ends. Its name, as `top -H` and `ps -L` show it, is cut to the 15 bytes Linux
  /// allows.
  package static func start(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) -> Thread {
    var handle = pthread_t()
    let start = unsafe Unmanaged.passRetained(Start(name: name, body: body))
    let result = unsafe pthread_create(
      &handle, nil,
      { argument in
        guard let argument = unsafe argument else { return nil }
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        let name = String(start.name.utf8.prefix(15)) ?? "apus"
        // A thread without its name works as well; there is nobody to tell.
        _ = unsafe apus_set_thread_name(name)
        start.body()
        return nil
      }, start.toOpaque())
    guard result == 0 else {
      unsafe start.release()
      throw SystemError(errno: result, operation: "pthread_create \(name)")
    }
    return Thread(handle: handle)
  }

  deinit {
    // Its resources go with its end.
    if !isJoined.load(ordering: .acquiring) { pthread_detach(handle) }
  }

  /// Waits until the thread has ended. To be called once, and not from the thread itself.
  package func join() {
    isJoined.store(true, ordering: .releasing)
    let result = pthread_join(handle, nil)
    precondition(result == 0, "pthread_join failed with \(result)")
  }

  /// How many processors this process may use, by its affinity and by the quota of its control group.
  package static var processorCount: Int {
    let count = Int(apus_processor_count())
    return max(1, min(count, ProcessorQuota.processors() ?? count))
  }
}
