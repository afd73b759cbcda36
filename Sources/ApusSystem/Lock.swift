import Glibc

/// A mutual-exclusion lock on a pthread mutex. It is held for short sections only: no call that may block is made under
/// it, and no second lock is taken.
///
/// `Synchronization.Mutex` spins when more threads than cores want it; a pthread mutex costs a hundredth of that then.
@safe
package final class Lock: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>

  package init() {
    unsafe mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    unsafe mutex.initialize(to: pthread_mutex_t())
    let result = unsafe pthread_mutex_init(mutex, nil)
    precondition(result == 0, "pthread_mutex_init failed with \(result)")
  }

  deinit {
    unsafe pthread_mutex_destroy(mutex)
    unsafe mutex.deallocate()
  }

  /// Takes the lock, waiting for it.
  package func lock() {
    let result = unsafe pthread_mutex_lock(mutex)
    precondition(result == 0, "pthread_mutex_lock failed with \(result)")
  }

  /// Gives the lock back.
  package func unlock() {
    let result = unsafe pthread_mutex_unlock(mutex)
    precondition(result == 0, "pthread_mutex_unlock failed with \(result)")
  }

  /// Runs `body` with the lock held.
  @inlinable
  package func withLock<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    lock()
    defer { unlock() }
    return try body()
  }
}

/// A value that several threads share, reached only with its lock held.
package final class Locked<Value>: @unchecked Sendable {
  @usableFromInline let lock = Lock()
  @usableFromInline var value: Value

  /// Puts a value behind a lock of its own.
  package init(_ value: sending Value) { self.value = value }

  /// Runs `body` on the value with the lock held.
  @inlinable
  package func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure)
    -> Result
  {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
