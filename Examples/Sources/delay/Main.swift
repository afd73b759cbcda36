// usage: delay [NAME-SERVER]
//
// A message that nobody sees for two seconds, exactly, and one that waits for the first of RocketMQ's delay levels.
import ApusClient

@main
enum Main {
  static func main() async throws {
    let nameServer = CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9876"
    let client = try MessageClient(ClientConfiguration(nameServers: [nameServer]))
    async let _ = client.run()

    let producer = try client.producer(group: "example-reminders")
    try await producer.send(Message(topic: "ExampleReminders", text: "after 2 s", delivery: .after(.seconds(2))))
    try await producer.send(Message(topic: "ExampleReminders", text: "level 1", delivery: .level(1)))

    var configuration = PullConsumerConfiguration()
    configuration.start = .first
    let consumer = try client.pullConsumer(
      group: "example-clock", subscriptions: [Subscription("ExampleReminders")], configuration)
    async let _ = consumer.run()
    for await message in consumer.messages.prefix(2) {
      print("\(message.text): stored for consumers \(message.storeMilliseconds - message.bornMilliseconds) ms later")
    }
  }
}
