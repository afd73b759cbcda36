// usage: producer [NAME-SERVER]
//
// Sends one message, then a hundred at once, then a batch.
import ApusClient

@main
enum Main {
  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    // The client works beside the producer until the end of this function, where it is cancelled and leaves its group.
    async let _ = client.run()

    let producer = try client.producer(group: "example-producers")
    let receipt = try await producer.send(Message(topic: "Examples", text: "Hello, swift.", tag: "greeting"))
    print("sent \(receipt.messageID): \(receipt.status.rawValue), queue \(receipt.queue.queueID)")

    // Sends of as many tasks as you like go out together; `inFlightLimit` bounds them.
    try await withThrowingTaskGroup(of: SendReceipt.self) { group in
      for number in 1...100 {
        group.addTask { try await producer.send(Message(topic: "Examples", text: "number \(number)")) }
      }
      var stored = 0
      for try await receipt in group where receipt.status == .stored { stored += 1 }
      print("sent \(stored) at once")
    }

    // A batch is one request: stored as a whole or not at all, unless it is too large for one.
    let receipts = try await producer.send((1...10).map { Message(topic: "Examples", text: "batch \($0)") })
    print("sent \(receipts.count) in a batch")
  }
}
