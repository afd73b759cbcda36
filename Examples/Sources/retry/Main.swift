// usage: retry [NAME-SERVER]
//
// A message that cannot be handled at first, and comes again.
import ApusClient

@main
enum Main {
  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    async let _ = client.run()

    try await client.producer(group: "example-letters").send(Message(topic: "ExampleLetters", text: "a letter"))

    let (outcomes, handled) = AsyncStream.makeStream(of: String.self)
    var configuration = ConsumerConfiguration()
    configuration.start = .first
    let consumer = try client.pushConsumer(
      group: "example-post", subscriptions: [Subscription("ExampleLetters")], configuration,
      listener: .concurrent { messages in
        for message in messages {
          if message.reconsumeTimes < 2 {
            print("\(message.text): nobody at home, try \(message.reconsumeTimes + 1)")
            // After the time of delay level 1. Without a level the broker takes longer with every try, and after 16
            // retries the message is kept in the group's dead-letter topic.
            return .retry(level: 1)
          }
          handled.yield("\(message.text): delivered, try \(message.reconsumeTimes + 1)")
        }
        return .success
      })
    async let _ = consumer.run()
    for await outcome in outcomes.prefix(1) { print(outcome) }
  }
}
