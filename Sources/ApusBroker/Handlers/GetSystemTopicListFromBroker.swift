import ApusBase
import ApusModel
package import ApusProtocol

/// Code 305: the topics that belong to the broker itself.
package struct GetSystemTopicListFromBrokerHandler: RequestHandler {
  private let names: [String]

  /// Answers for a broker of this name in this cluster.
  package init(cluster: String, broker: String) {
    names = Set(SystemTopics.names + [cluster, broker, SystemTopics.replyTopic(ofCluster: cluster)]).sorted()
  }

  /// Answers.
  package func handle(_ request: Command, from requester: Requester) throws(Refusal) -> Reply {
    Reply(body: TopicList(names).bytes())
  }
}
