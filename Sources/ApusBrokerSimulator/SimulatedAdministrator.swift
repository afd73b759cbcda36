import ApusBase
import ApusProtocol

/// Deletes the topics that come and go, one at a time.
final class SimulatedAdministrator {
  private let world: SimulatedWorld
  private var peer: SimulatedPeer?

  init(_ world: SimulatedWorld) { self.world = world }

  /// Goes on over a new connection.
  func connect(_ peer: SimulatedPeer) {
    self.peer = peer
    peer.onRequest = { _ in }
  }

  /// Deletes a topic, whether it exists or not.
  func act() {
    guard let peer, peer.waitingCount == 0, !world.isSettling,
      let topic = FleetingTopics.names.randomElement(using: &world.random), !world.fleeting.isBusy(topic)
    else { return }
    let asked = world.fleeting.deletes(topic)
    world.count("deletions")
    // A second one that came late would delete what was sent meanwhile.
    peer.ask(.deleteTopicInBroker, DeleteTopicInBroker.Request(topic: topic).fields, isRepeatable: false) {
      [world, weak peer] answer in
      // Without a connection it may still be done: the next start settles it.
      guard answer != nil || peer?.isOpen == true else { return }
      let isDone = answer?.responseCode == .success
      world.fleeting.answered(asked, isDone: isDone)
      if answer != nil, !isDone { world.count("deletions refused") }
      world.onDeletion(true)
    }
    world.onDeletion(false)
  }
}
