// usage: ordered [NAME-SERVER]
//
// Three orders go through four steps each. All messages of an order go to one queue, so that they are consumed in the
// order in which they were sent, whoever of the group consumes them.
import ApusClient

@main
enum Main {
  static let steps = ["created", "paid", "packed", "shipped"]

  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    async let _ = client.run()

    let producer = try client.producer(group: "example-orders")
    for step in steps {
      for order in 1...3 {
        let message = Message(topic: "ExampleOrders", text: "order \(order) \(step)", keys: ["order-\(order)"])
        try await producer.send(message) { queues in queues[order % queues.count] }
      }
    }

    let (texts, received) = AsyncStream.makeStream(of: String.self)
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    let consumer = try client.pushConsumer(
      group: "example-order-desk", subscriptions: [Subscription("ExampleOrders")], configuration,
      listener: .orderly { messages in
        for message in messages { received.yield(message.text) }
        // `.suspend()`, or an error that is thrown, tries the same ones again; the queue waits.
        return .success
      })
    async let _ = consumer.run()

    for await text in texts.prefix(3 * steps.count) { print(text) }
  }
}
