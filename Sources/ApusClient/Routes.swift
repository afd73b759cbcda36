import ApusClientCore
import ApusProtocol
import ApusSystem

/// The routes of the topics that this client uses. A topic that several tasks ask for at once is fetched once.
final class Routes: Sendable {
  private struct State {
    var routes: [String: TopicRoute] = [:]
    var fetches: [String: Task<TopicRoute, any Error>] = [:]
  }

  private let state = Locked(State())
  private let fetch: @Sendable (String) async throws(ClientError) -> TopicRouteData

  init(fetch: @escaping @Sendable (String) async throws(ClientError) -> TopicRouteData) { self.fetch = fetch }

  /// The route as last heard; nil when the topic was never asked for.
  func known(_ topic: String) -> TopicRoute? { state.withLock { $0.routes[topic] } }

  /// All topics that a route is known of.
  var topics: [String] { state.withLock { Array($0.routes.keys) } }

  /// The members of a broker group by id, as the routes name them.
  func members(of broker: String) -> [Int64: String]? {
    state.withLock { state in
      for route in state.routes.values { if let members = route.brokers[broker] { return members } }
      return nil
    }
  }

  /// Every broker group that a route names, with its members.
  var brokers: [String: [Int64: String]] {
    state.withLock { state in
      state.routes.values.reduce(into: [:]) { $0.merge($1.brokers) { $0.merging($1) { _, last in last } } }
    }
  }

  /// The route of a topic, asked for when it is not known.
  func route(_ topic: String) async throws(ClientError) -> TopicRoute {
    if let known = known(topic) { return known }
    return try await refresh(topic)
  }

  /// Asks for a route anew. What is known stays when nobody answers; a topic that is gone is forgotten.
  @discardableResult
  func refresh(_ topic: String) async throws(ClientError) -> TopicRoute {
    let task = state.withLock { state -> Task<TopicRoute, any Error> in
      if let running = state.fetches[topic] { return running }
      // Not a child of the caller's: others may wait for it when the caller is cancelled. Its time is limited.
      let task = Task { [self] in
        defer { self.state.withLock { $0.fetches[topic] = nil } }
        return try await self.load(topic)
      }
      state.fetches[topic] = task
      return task
    }
    switch await task.result {
    case .success(let route): return route
    case .failure(let error as ClientError): throw error
    case .failure(let error): throw ClientError(.system, "\(error)", cause: error)
    }
  }

  /// Puts a route in as if it had been fetched, under another topic's name.
  func adopt(_ route: TopicRoute, for topic: String) { state.withLock { $0.routes[topic] = route } }

  private func load(_ topic: String) async throws(ClientError) -> TopicRoute {
    do throws(ClientError) {
      let route = TopicRoute(topic: topic, try await fetch(topic))
      state.withLock { $0.routes[topic] = route }
      return route
    } catch {
      if error.code == .unknownTopic { state.withLock { $0.routes[topic] = nil } }
      throw error
    }
  }
}
