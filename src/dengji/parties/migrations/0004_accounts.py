"""Accounts in the browser: sessions by the digest of their key, certificates, requests for accounts."""

import dengji.core.ids
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """New tables, and when a password was chosen."""

    dependencies = [
        ('parties', '0003_lighter_rows'),
    ]

    operations = [
        migrations.AddField(
            model_name='person',
            name='password_chosen_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.BinaryField()),
                ('label', models.CharField(blank=True, max_length=60)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('revoked_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='certificates', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('fingerprint',), name='parties_certificate_once')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('started_at', models.DateTimeField(null=True)),
                ('seen_at', models.DateTimeField(null=True)),
                ('place_sealed', models.BinaryField(null=True)),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'indexes': [models.Index(condition=models.Q(('person__isnull', False)), fields=['person'], name='parties_session_own')],
            },
        ),
        migrations.CreateModel(
            name='SignUp',
            fields=[
                ('id', models.UUIDField(default=dengji.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=20)),
                ('state', models.CharField(choices=[('PENDING', '待审核'), ('APPROVED', '已通过'), ('REFUSED', '未通过')], default='PENDING', max_length=10)),
                ('credit_code', models.CharField(max_length=18)),
                ('unit_name', models.CharField(max_length=200)),
                ('payload_sealed', models.BinaryField()),
                ('letter_sealed', models.BinaryField(null=True)),
                ('subject_index', models.BinaryField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('decided_at', models.DateTimeField(null=True)),
                ('reason_sealed', models.BinaryField(null=True)),
                ('asked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.organisation')),
                ('register', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='parties.register')),
            ],
            options={
                'indexes': [models.Index(fields=['register', 'state', 'created_at'], name='parties_sign_up_queue')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'organisation'), ('state', 'PENDING')), fields=('credit_code',), name='parties_sign_up_unit_once'), models.UniqueConstraint(condition=models.Q(('state', 'PENDING')), fields=('subject_index',), name='parties_sign_up_name_once')],
            },
        ),
    ]
