package import ApusBase
import Glibc

/// Lets one thread sleep until another wakes it or a deadline passes. A wake-up that comes before the sleep is not
/// lost; several of them count as one.
@safe
package final class WakeUp: @unchecked Sendable {
  @unsafe
  private struct Storage {
    var mutex = unsafe pthread_mutex_t()
    var condition = pthread_cond_t()
    var isSignalled = false
    var isSleeping = false
  }
  private let storage: UnsafeMutablePointer<Storage>

  package init() {
    unsafe storage = UnsafeMutablePointer<Storage>.allocate(capacity: 1)
    unsafe storage.initialize(to: Storage())
    var attributes = pthread_condattr_t()
    unsafe pthread_condattr_init(&attributes)
    unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    let made = unsafe pthread_cond_init(&storage.pointee.condition, &attributes)
    let locked = unsafe pthread_mutex_init(&storage.pointee.mutex, nil)
    unsafe pthread_condattr_destroy(&attributes)
    precondition(made == 0 && locked == 0, "pthread initialisation failed")
  }

  deinit {
    unsafe pthread_cond_destroy(&storage.pointee.condition)
    unsafe pthread_mutex_destroy(&storage.pointee.mutex)
    unsafe storage.deinitialize(count: 1)
    unsafe storage.deallocate()
  }

  /// Wakes the sleeper, or makes its next sleep end at once. Costs a system call only when somebody sleeps.
  package func signal() {
    unsafe pthread_mutex_lock(&storage.pointee.mutex)
    unsafe storage.pointee.isSignalled = true
    let wake = unsafe storage.pointee.isSleeping
    unsafe pthread_mutex_unlock(&storage.pointee.mutex)
    if wake { unsafe pthread_cond_signal(&storage.pointee.condition) }
  }

  /// Whether somebody woke it; the next call answers whether somebody did so since.
  func take() -> Bool {
    unsafe pthread_mutex_lock(&storage.pointee.mutex)
    let woken = unsafe storage.pointee.isSignalled
    unsafe storage.pointee.isSignalled = false
    unsafe pthread_mutex_unlock(&storage.pointee.mutex)
    return woken
  }

  /// Whether somebody woke it and nobody has taken that yet.
  var isSignalled: Bool {
    unsafe pthread_mutex_lock(&storage.pointee.mutex)
    defer { unsafe pthread_mutex_unlock(&storage.pointee.mutex) }
    return unsafe storage.pointee.isSignalled
  }

  /// Sleeps until woken or until `deadline`; nil waits for as long as it takes. Returns whether it was woken.
  @discardableResult
  package func wait(until deadline: MonotonicTime?) -> Bool {
    if let machine = SimulatedMachine.current { return machine.wait(until: deadline, isDone: take) }
    unsafe pthread_mutex_lock(&storage.pointee.mutex)
    unsafe storage.pointee.isSleeping = true
    while unsafe !storage.pointee.isSignalled {
      guard let deadline else {
        unsafe pthread_cond_wait(&storage.pointee.condition, &storage.pointee.mutex)
        continue
      }
      var time = timespec(
        tv_sec: Int(deadline.rawValue / 1_000_000_000), tv_nsec: Int(deadline.rawValue % 1_000_000_000))
      let result = unsafe pthread_cond_timedwait(&storage.pointee.condition, &storage.pointee.mutex, &time)
      if result == ETIMEDOUT { break }
    }
    let woken = unsafe storage.pointee.isSignalled
    unsafe storage.pointee.isSignalled = false
    unsafe storage.pointee.isSleeping = false
    unsafe pthread_mutex_unlock(&storage.pointee.mutex)
    return woken
  }
}
