import ApusBase
import ApusModel
import ApusProtocol
import ApusSystem

/// Locks queues for consuming them in order, keeps them for a while and gives them back, or forgets them.
final class SimulatedLockHolder {
  /// Who holds which queue for how long at least, as the holders know it.
  final class Table {
    struct Lock {
      var holder: String
      var until: MonotonicTime
    }

    var locks: [Int32: Lock] = [:]
  }

  /// An answer that took longer says too little about when the lock was given.
  private static let patience = Duration.seconds(5)

  private let name: String
  private let world: SimulatedWorld
  private let table: Table
  private var peer: SimulatedPeer?

  init(_ name: String, _ world: SimulatedWorld, _ table: Table) {
    self.name = name
    self.world = world
    self.table = table
  }

  /// Goes on over a new connection: the broker has started, and its locks are gone.
  func connect(_ peer: SimulatedPeer) {
    self.peer = peer
    table.locks = [:]
  }

  /// Locks or gives back. One request at a time.
  func act() {
    guard let peer, peer.waitingCount == 0 else { return }
    let ids = (0..<4 as Range<Int32>).filter { _ in world.chance(1, in: 2) }
    let queues = ids.map { SimulatedQueue(topic: world.topics[0], id: $0).messageQueue }
    let body = LockRequestBody(group: SimulatedConsumer.group, clientID: name, queues: queues).bytes()
    guard world.chance(3, in: 4) else {
      for id in ids where table.locks[id]?.holder == name { table.locks[id] = nil }
      peer.ask(.unlockBatchMessageQueue, [], body: body) { _ in }
      return
    }
    let asked = world.machine.monotonic
    peer.ask(.lockBatchMessageQueue, [], body: body) { [weak self] answer in
      guard let self, let answer, answer.responseCode == .success else { return }
      hold(answer.body, since: asked)
    }
  }

  private func hold(_ body: [UInt8], since asked: MonotonicTime) {
    let now = world.machine.monotonic
    guard now - asked < Self.patience else { return }
    do throws(DecodeError) {
      for queue in try LockResponseBody(bytes: body).queues {
        if let other = table.locks[queue.queueID], other.holder != name, other.until > now {
          world.fail("queue \(queue.queueID) is locked by \(name) and by \(other.holder)")
        }
        table.locks[queue.queueID] = Table.Lock(holder: name, until: asked + QueueLock.lease)
      }
    } catch {
      world.fail("the answer to a lock cannot be read: \(error)")
    }
  }
}
