/// How long a test waits for what has to come: so long that only a fault lets it pass, also on a machine whose threads
/// stand still for seconds.
enum Patience {
  static let limit = Duration.seconds(300)
}
