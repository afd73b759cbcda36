import ApusBase
import ApusClientCore
import ApusProtocol
import ApusSystem

/// The routes of the topics that this client uses. A topic that several tasks ask for at once is fetched once.
final class Routes: Sendable {
  private let routes = Locked<[String: TopicRoute]>([:])
  private let lookups = SharedLookups<String, TopicRoute>()
  private let fetch: @Sendable (String) async throws(ClientError) -> TopicRouteData

  init(fetch: @escaping @Sendable (String) async throws(ClientError) -> TopicRouteData) { self.fetch = fetch }

  /// The route as last heard; nil when the topic was never asked for.
  func known(_ topic: String) -> TopicRoute? { routes.withLock { $0[topic] } }

  /// All topics that a route is known of.
  var topics: [String] { routes.withLock { Array($0.keys) } }

  /// The members of a broker group by id, as the routes name them.
  func members(of broker: String) -> [Int64: String]? {
    routes.withLock { routes in
      for route in routes.values { if let members = route.brokers[broker] { return members } }
      return nil
    }
  }

  /// Every broker group that a route names, with its members.
  var brokers: [String: [Int64: String]] {
    routes.withLock { routes in
      routes.values.reduce(into: [:]) { $0.merge($1.brokers) { $0.merging($1) { _, last in last } } }
    }
  }

  /// The route of a topic, asked for when it is not known.
  func route(_ topic: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> TopicRoute {
    if let known = known(topic) { return known }
    return try await refresh(topic, by: deadline)
  }

  /// Asks for a route anew. What is known stays when nobody answers; a topic that is gone is forgotten.
  @discardableResult
  func refresh(_ topic: String, by deadline: MonotonicTime? = nil) async throws(ClientError) -> TopicRoute {
    try await lookups.value(topic, by: deadline) { [self] in
      do throws(ClientError) {
        let route = try TopicRoute(of: topic, try await fetch(topic))
        routes.withLock { $0[topic] = route }
        return .success(route)
      } catch {
        if error.code == .unknownTopic { routes.withLock { $0[topic] = nil } }
        return .failure(error)
      }
    }
  }

  /// Puts in a route that was borrowed for a topic that no name server knew, unless the topic's own has been found
  /// meanwhile. Returns the one that counts.
  func adopt(_ route: TopicRoute, for topic: String) -> TopicRoute {
    routes.withLock { routes in
      if let own = routes[topic] { return own }
      routes[topic] = route
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
