import ApusBase
import ApusClient
import ApusModel
import ApusSystem

/// Sends messages of the tool's own.
struct TestSender: Sendable {
  private let producer: Producer
  /// Kept while there is something to send.
  private let client: MessageClient

  fileprivate init(_ producer: Producer, of client: MessageClient) {
    self.producer = producer
    self.client = client
  }

  /// Sends a message to a queue of its topic, or to a given one.
  func send(_ message: Message, to queue: MessageQueue? = nil) async throws(AdminError) -> SendReceipt {
    do throws(ClientError) {
      guard let queue else { return try await producer.send(message) }
      return try await producer.send(message, to: queue)
    } catch {
      throw AdminError(error)
    }
  }

  /// The queues that messages of a topic may be sent to.
  func queues(of topic: String) async throws(AdminError) -> [MessageQueue] {
    do throws(ClientError) {
      return try await producer.queues(of: topic)
    } catch {
      throw AdminError(error)
    }
  }
}

extension AdminSession {
  /// A sender in a producer group: over the tool's connections, or in a unit over its own.
  func sender(
    group: String, unit: String = "", _ configure: (inout ProducerConfiguration) -> Void = { _ in }
  ) throws(AdminError) -> TestSender {
    do throws(ClientError) {
      var client = client.messages
      if !unit.isEmpty {
        var own = self.configuration
        own.unitName = unit
        client = try MessageClient(own)
      }
      var configuration = ProducerConfiguration()
      // A send is waited for no shorter than any other request.
      configuration.sendTimeout = max(configuration.sendTimeout, self.configuration.requestTimeout)
      configure(&configuration)
      return TestSender(try client.producer(group: group, configuration), of: client)
    } catch {
      throw AdminError(error)
    }
  }
}

extension SendReceipt {
  /// What became of a message as Java prints it.
  var javaText: String {
    "SendResult [sendStatus=\(status.rawValue), msgId=\(messageID), offsetMsgId=\(offsetMessageID),"
      + " messageQueue=\(queue.javaText), queueOffset=\(queueOffset)]"
  }
}

extension MessageQueue {
  /// A queue as Java prints it.
  var javaText: String { "MessageQueue [topic=\(topic), brokerName=\(brokerName), queueId=\(queueID)]" }
}

extension ReceivedMessage {
  /// The message as it may be sent once more, without what the broker and its client wrote into it.
  var copy: Message {
    Message(
      topic: topic, body: body, tag: tag, keys: keys,
      properties: properties.dictionary.filter { !Message.reservedProperties.contains($0.key) }, flag: flag)
  }
}
