import ApusSystem

/// Passes on what the store's threads have to say to the service, which is made after them.
final class FlushRelay: Sendable {
  private let service = Locked<BrokerService?>(nil)

  func join(_ service: BrokerService) { self.service.withLock { $0 = service } }

  /// Nobody is told any more. Service and threads hold each other until then.
  func leave() { service.withLock { $0 = nil } }

  func flushed() { service.withLock { $0 }?.flushed() }

  func mayStore() { service.withLock { $0 }?.mayStore() }
}
