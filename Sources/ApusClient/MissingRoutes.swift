import ApusModel
import ApusSystem

/// The topics of a consumer that no route was known of when their queues were to be shared out last. A topic is made
/// with the first message that is sent to it, and name servers hear of it a moment later: a consumer that starts at
/// that time looks for the route again soon, and a few times. What stays unknown is asked for in the usual rounds only.
///
/// Deviation: Java's consumers find such a topic in these rounds, up to 20 seconds later.
final class MissingRoutes: Sendable {
  /// The pauses after which they are looked for, from the consumer's start on.
  static let pauses = [Duration.seconds(1), .seconds(2), .seconds(4), .seconds(8)]

  private let topics = Locked<Set<String>>([])

  /// A topic has no route. A group's retry topic, made with the first message that comes again, is not looked for.
  func missed(_ topic: String) {
    guard !topic.hasPrefix(SystemTopics.retryPrefix) else { return }
    topics.withLock { _ = $0.insert(topic) }
  }

  /// A topic has a route.
  func found(_ topic: String) { topics.withLock { _ = $0.remove(topic) } }

  /// Looks for the routes that are missing after each of the ``pauses``, and says so when there are some now. `wait`
  /// returns when a pause is over; false ends the look.
  func look(in routes: Routes, wait: (Duration) async -> Bool, found: () -> Void) async {
    for pause in Self.pauses {
      guard await wait(pause) else { return }
      if await isOneFound(in: routes) { found() }
    }
  }

  private func isOneFound(in routes: Routes) async -> Bool {
    var isFound = false
    for topic in topics.withLock({ $0.sorted() }) {
      do throws(ClientError) {
        _ = try await routes.route(topic)
        isFound = true
      } catch {
        // Of a name server that does not answer nothing is learned about the others either.
        guard error.code == .unknownTopic else { break }
      }
    }
    return isFound
  }
}
