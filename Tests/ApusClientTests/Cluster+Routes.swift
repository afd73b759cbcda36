import ApusClientCore

@testable import ApusClient

extension Cluster {
  /// The route of a topic, once it holds what is asked of it. Brokers answer a send that makes a topic, and a request
  /// that changes one, before name servers know of it.
  @discardableResult
  func route(
    _ topic: String, by client: MessageClient, where holds: (TopicRoute) -> Bool = { _ in true }
  ) async throws -> TopicRoute {
    while true {
      do throws(ClientError) {
        let route = try await client.runtime.routes.refresh(topic)
        if holds(route) { return route }
      } catch {
        guard error.code == .unknownTopic else { throw error }
      }
      try Task.checkCancellation()
      await Task.yield()
    }
  }
}
