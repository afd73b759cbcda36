import ApusBase
import ApusClient
import ApusCommandLine
import Foundation
import Testing

@testable import ApusAdmin

/// The commands for accounts, at a broker that controls access and lets this machine in.
@Suite(.timeLimit(.minutes(10))) struct AccessCommandTests {
  @Test func `accounts are made, listed by version and deleted`() async throws {
    let directory = NSTemporaryDirectory() + "apus-acl-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let file = """
      globalWhiteRemoteAddresses:
        - 127.0.0.1
      accounts:
        - accessKey: rocketmq2
          secretKey: 12345678
          admin: true

      """
    try file.write(toFile: directory + "/plain_acl.yml", atomically: true, encoding: .utf8)
    let tool = try await ToolUnderTest(["fx-a"], [("aclEnable", "true"), ("aclConfigDir", directory)])
    let broker = try tool.address()
    let made = await tool.output(
      "updateAclConfig -b \(broker) -a someone -s secret-of-8 -i PUB -t Orders=SUB,Bills=DENY")
    #expect(
      made.masked == """
        create or update plain access config to 127.0.0.1:##### success.
        PlainAccessConfig [accessKey=someone, defaultTopicPerm=PUB, topicPerms=[Orders=SUB, Bills=DENY]]

        """)
    #expect(!made.output.contains("secret-of-8"))
    let secret = directory + "/secret"
    try "secret-of-a-file\n".write(toFile: secret, atomically: true, encoding: .utf8)
    _ = await tool.output("updateAclConfig -b \(broker) -a another --secretKeyFile \(secret)")
    for (option, reason) in [("", "say its secret"), ("--secretKeyFile \(directory)/none", "cannot be read: open ")] {
      let refused = await tool.run("updateAclConfig -b \(broker) -a another \(option)")
      #expect(refused.status == .failure)
      #expect(refused.notes.contains(reason), "\(refused.notes)")
    }
    let versions = await tool.output("clusterAclConfigVersion -c TestCluster").lines
    #expect(
      versions[0]
        == "#Cluster Name     #Broker Name            #Broker Addr            #AclFilePath          "
        + "#AclConfigVersionNum    #AclLastUpdateTime    ")
    #expect(versions[1].hasPrefix("TestCluster       fx-a                    127.0.0.1:#####         "), "\(versions)")
    #expect(versions.dropLast().last == "get cluster's plain access config version success.")
    #expect(
      await tool.output("updateGlobalWhiteAddr -b \(broker) -g 127.0.0.1,10.0.0.*").masked
        == "update global white remote addresses to 127.0.0.1:##### success.\n")
    #expect(
      await tool.output("deleteAccessConfig -b \(broker) -a someone").masked == """
        delete plain access config account from 127.0.0.1:##### success.
        account's accesskey is:someone

        """)
    #expect(await tool.run("deleteAclConfig -c TestCluster -a someone").status == .failure)
    let text = try String(contentsOfFile: directory + "/plain_acl.yml", encoding: .utf8)
    #expect(!text.contains("someone") && text.contains("10.0.0.*"))
    #expect(text.contains("secret-of-a-file"))
    try FileManager.default.removeItem(atPath: directory)
  }

  @Test func `requests are signed with the account of tools.yml`() async throws {
    let directory = NSTemporaryDirectory() + "apus-tools-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: directory + "/conf", withIntermediateDirectories: true)
    let account = "accessKey: rocketmq2\nsecretKey: 12345678\n"
    try "accounts:\n  - accessKey: rocketmq2\n    secretKey: 12345678\n    admin: true\n".write(
      toFile: directory + "/plain_acl.yml", atomically: true, encoding: .utf8)
    let tool = try await ToolUnderTest(["fx-a"], [("aclEnable", "true"), ("aclConfigDir", directory)])
    let line = "updateTopic -b \(try tool.address()) -t Orders"
    let refused = await tool.run(line, home: directory)
    #expect(refused.status == .failure)
    try account.write(toFile: directory + "/conf/tools.yml", atomically: true, encoding: .utf8)
    #expect(await tool.run(line, home: directory).status == .success)
    try "accessKey: [".write(toFile: directory + "/conf/tools.yml", atomically: true, encoding: .utf8)
    let unreadable = await tool.run(line, home: directory)
    #expect(unreadable.notes.contains("conf/tools.yml: "), "\(unreadable.notes)")
    #expect(!unreadable.notes.contains("12345678"))
    // A file that is there but cannot be read is no reason to go on without an account.
    try FileManager.default.removeItem(atPath: directory + "/conf/tools.yml")
    try FileManager.default.createDirectory(
      atPath: directory + "/conf/tools.yml", withIntermediateDirectories: false)
    #expect(await tool.run(line, home: directory).notes.contains("the account of the tools cannot be read: read "))
    let own = directory + "/own.yml"
    let missing = await tool.run("\(line) --account \(own)", home: directory)
    #expect(missing.notes.contains("the account of the tools cannot be read: open \(own)"), "\(missing.notes)")
    try "accessKey: rocketmq2\n".write(toFile: own, atomically: true, encoding: .utf8)
    #expect(await tool.run("\(line) --account \(own)").notes.contains("own.yml names no account"))
    try account.write(toFile: own, atomically: true, encoding: .utf8)
    #expect(await tool.run("\(line) --account \(own)", home: directory).status == .success)
    try FileManager.default.removeItem(atPath: directory)
  }
}
