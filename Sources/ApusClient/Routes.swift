import ApusBase
import ApusClientCore
import ApusProtocol
import ApusSystem

/// The routes of the topics that this client uses. A topic that several tasks ask for at once is fetched once.
final class Routes: Sendable {
  private struct Entry {
    var route: TopicRoute
    /// Since when no name server knows the topic; nil when one does.
    var missingSince: MonotonicTime?
  }

  /// For how long the route of a topic is kept that no name server knows: all of them may have just started, and hear
  /// of a topic when its brokers register again, every 30 seconds unless they are told otherwise.
  private static let keepTime = Duration.seconds(120)

  private let entries = Locked<[String: Entry]>([:])
  private let lookups = SharedLookups<String, TopicRoute>()
  private let clock: @Sendable () -> MonotonicTime
  private let fetch: @Sendable (String) async throws(ClientError) -> TopicRouteData

  /// `fetch` asks the name servers; `clock` replaces the machine's clock in tests.
  init(
    fetch: @escaping @Sendable (String) async throws(ClientError) -> TopicRouteData,
    clock: @escaping @Sendable () -> MonotonicTime = SystemClock.monotonic
  ) {
    self.fetch = fetch
    self.clock = clock
  }

  /// The route as last heard; nil when the topic was never asked for, or is gone.
  func known(_ topic: String) -> TopicRoute? { entries.withLock { $0[topic]?.route } }

  /// All topics that a route is known of.
  var topics: [String] { entries.withLock { Array($0.keys) } }

  /// The members of a broker group by id, as the routes name them.
  func members(of broker: String) -> [Int64: String]? {
    entries.withLock { entries in
      for entry in entries.values { if let members = entry.route.brokers[broker] { return members } }
      return nil
    }
  }

  /// Every broker group that a route names, with its members.
  var brokers: [String: [Int64: String]] {
    entries.withLock { entries in
      entries.values.reduce(into: [:]) { $0.merge($1.route.brokers) { $0.merging($1) { _, last in last } } }
    }
  }

  /// The route of a topic, asked for when it is not known.
  func route(_ topic: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> TopicRoute {
    if let known = known(topic) { return known }
    return try await refresh(topic, by: deadline)
  }

  /// Asks for a route anew. What is known stays in use when nobody answers, and for ``keepTime`` when no name server
  /// knows the topic; then it is gone and forgotten.
  @discardableResult
  func refresh(_ topic: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> TopicRoute {
    try await lookups.value(topic, by: deadline) { [self] in
      do throws(ClientError) {
        let route = try TopicRoute(of: topic, try await fetch(topic))
        entries.withLock { $0[topic] = Entry(route: route) }
        return .success(route)
      } catch {
        if error.code == .unknownTopic { miss(topic) }
        return .failure(error)
      }
    }
  }

  /// No name server knows a topic.
  private func miss(_ topic: String) {
    let now = clock()
    entries.withLock { entries in
      guard let since = entries[topic]?.missingSince else {
        entries[topic]?.missingSince = now
        return
      }
      if now - since >= Self.keepTime { entries[topic] = nil }
    }
  }

  /// Puts in a route that was borrowed for a topic that no name server knew, unless the topic's own, with queues to
  /// write to, has been found meanwhile. Returns the one that counts.
  func adopt(_ route: TopicRoute, for topic: String) -> TopicRoute {
    entries.withLock { entries in
      if let own = entries[topic]?.route, !own.writeQueues.isEmpty { return own }
      entries[topic] = Entry(route: route)
      return route
    }
  }
}

extension TopicRoute {
  /// Reads what a name server answered; throws `badAnswer` when it names more queues than a route may.
  init(of topic: String, _ data: TopicRouteData) throws(ClientError) {
    do throws(DecodeError) {
      try self.init(topic: topic, data)
    } catch {
      throw ClientError(.badAnswer, "the route of \(topic) cannot be read: \(error)", cause: error)
    }
  }
}
