"""What lets a person ask the daily tables: a catalog, a place for answers, and saved questions."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Aws
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from constructs import Construct

from kalshi_alpha.cloud.rollup import (
    PREFIX,
    QUESTIONS,
    QUESTIONS_OF_TEMPERATURE,
    TABLES,
    TABLES_OF_TEMPERATURE,
)
from stacks.stage import Stage
from stacks.storage import StorageStack, artifacts_bucket

# A question that would read more than this is stopped: it forgot to name its days.
MOST_BYTES = 1 << 30
FIRST_DAY = "2025-01-01"


class Catalog(Construct):
    """The daily tables as Athena knows them; days are found by their names, without a crawler."""

    def __init__(self, scope: Construct, stage: Stage, storage: StorageStack) -> None:
        super().__init__(scope, "Catalog")
        name = stage.prefix.replace("-", "_")
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=name, description=f"What {stage.prefix} did, by day"
            ),
        )
        tables = {**TABLES, **(TABLES_OF_TEMPERATURE if stage.momentum else {})}
        for table, columns in tables.items():
            self._make_table(table, columns, name, stage).add_resource_dependency(database)
        group = athena.CfnWorkGroup(
            self,
            "Questions",
            name=stage.prefix,
            description="Answers are kept encrypted below queries/ of the artifacts bucket",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=False,
                bytes_scanned_cutoff_per_query=MOST_BYTES,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{artifacts_bucket(stage)}/queries/",
                    encryption_configuration=(
                        athena.CfnWorkGroup.EncryptionConfigurationProperty(
                            encryption_option="SSE_KMS", kms_key=storage.key.key_arn
                        )
                    ),
                ),
            ),
        )
        asked = {**QUESTIONS, **(QUESTIONS_OF_TEMPERATURE if stage.momentum else {})}
        for title, question in asked.items():
            query = athena.CfnNamedQuery(
                self,
                f"Ask-{title}",
                database=name,
                name=title,
                query_string=question,
                work_group=stage.prefix,
            )
            query.add_resource_dependency(group)

    def _make_table(
        self, table: str, columns: Mapping[str, str], database: str, stage: Stage
    ) -> glue.CfnTable:
        location = f"s3://{artifacts_bucket(stage)}/{PREFIX}{table}"
        return glue.CfnTable(
            self,
            table.title(),
            catalog_id=Aws.ACCOUNT_ID,
            database_name=database,
            table_input=glue.CfnTable.TableInputProperty(
                name=table,
                table_type="EXTERNAL_TABLE",
                partition_keys=[glue.CfnTable.ColumnProperty(name="day", type="string")],
                parameters={
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.day.type": "date",
                    "projection.day.format": "yyyy-MM-dd",
                    "projection.day.range": f"{FIRST_DAY},NOW",
                    "storage.location.template": f"{location}/day=${{day}}",
                },
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[
                        glue.CfnTable.ColumnProperty(name=name, type=kind)
                        for name, kind in columns.items()
                    ],
                    location=location,
                    input_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                    output_format="org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=(
                            "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                        )
                    ),
                ),
            ),
        )
