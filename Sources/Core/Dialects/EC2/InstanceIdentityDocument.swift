import Inventory

/// `dynamic/instance-identity/document`, in AWS' form of 2017-09-30. SDKs read the region from it.
enum InstanceIdentityDocument {
  static func render(_ input: RenderInput) -> Document {
    let instance = input.view.instance
    let address = EC2Network.addresses(input, isIPv4: true).first ?? input.sourceAddress
    return Document(
      json: [
        "accountId": JSONValue(instance.accountID ?? instance.project),
        "architecture": .string(instance.architecture ?? "x86_64"),
        "availabilityZone": JSONValue(instance.availabilityZone),
        "billingProducts": .null,
        "devpayProductCodes": .null,
        "marketplaceProductCodes": .null,
        "imageId": JSONValue(instance.ec2.amiID),
        "instanceId": .string(input.view.ec2InstanceID),
        "instanceType": JSONValue(instance.instanceType),
        "kernelId": JSONValue(instance.ec2.kernelID),
        "pendingTime": .string(
          CivilTime(secondsSince1970: input.view.createdAtSeconds).description),
        "privateIp": JSONValue(address?.description),
        "ramdiskId": JSONValue(instance.ec2.ramdiskID),
        "region": JSONValue(EC2Region.of(instance)),
        "version": "2017-09-30",
      ])
  }
}
